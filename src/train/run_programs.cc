#include "train/run_programs.h"

#include <algorithm>
#include <vector>

#include "program/cost.h"

namespace tutti {
namespace {

BuildOptions build_options(const Config& config) {
  BuildOptions options;
  options.seq = config.train.seq_len;
  options.seed = static_cast<uint64_t>(config.train.seed);
  options.segments = config.data.document_mask;
  return options;
}

OptimizerOptions optimizer_options(const OptimSection& optim) {
  return {.beta1 = optim.beta1,
          .beta2 = optim.beta2,
          .epsilon = optim.epsilon,
          .weight_decay = optim.weight_decay,
          .grad_clip = optim.grad_clip};
}

}  // namespace

int64_t RunPrograms::arena_bytes() const {
  const Program& first = train.program;
  int64_t persistent = first.persistent_bytes;
  int64_t rest = first.total_bytes() - first.persistent_bytes;
  if (evaluate) {
    const Program& second = evaluate->program;
    persistent = std::max(persistent, second.persistent_bytes);
    rest = std::max(rest, second.total_bytes() - second.persistent_bytes);
  }
  return persistent + rest;
}

Result<RunPrograms> compile_run(const Config& config, const Plan& plan, const OpTable& ops,
                                const KernelNeeds& needs) {
  RunPrograms programs;
  PersistentLayout layout;
  TUTTI_ASSIGN(StepGraph step, build_train_step(ops, config.model, build_options(config),
                                                optimizer_options(config.optim)));
  const Schedule schedule = sequential_schedule(static_cast<int>(plan.microbatches));
  TUTTI_ASSIGN(programs.train,
               compile_step(std::move(step), plan, schedule, ops, needs, {}, &layout));
  if (config.train.eval_every > 0) {
    TUTTI_ASSIGN(programs.evaluate, compile_evaluation(config, plan, ops, needs, &layout));
  }
  return programs;
}

Result<CompiledStep> compile_evaluation(const Config& config, Plan plan, const OpTable& ops,
                                        const KernelNeeds& needs, PersistentLayout* layout) {
  TUTTI_ASSIGN(StepGraph step, build_evaluation_step(ops, config.model, build_options(config)));
  plan.microbatches = 1;
  return compile_step(std::move(step), plan, forward_schedule(1), ops, needs, {}, layout);
}

double roofline_seconds(const OpTable& ops, const Program& program, double matrix_flops_per_s,
                        double memory_bytes_per_s) {
  std::vector<double> of_body;
  for (const Body& body : program.bodies) {
    double seconds = 0;
    for (const Instruction& i : body.instructions) {
      seconds += std::max(instruction_flops(ops, program, i) / matrix_flops_per_s,
                          instruction_bytes(ops, program, i) / memory_bytes_per_s);
    }
    of_body.push_back(seconds);
  }
  double total = 0;
  for (const Action& action : program.actions) {
    if (action.kind == ActionKind::kRun) total += of_body[static_cast<size_t>(action.body)];
  }
  return total;
}

}  // namespace tutti
