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

int64_t RunPrograms::arena_bytes(int stage) const {
  const Program& first = train.stages[static_cast<size_t>(stage)];
  int64_t persistent = first.persistent_bytes;
  int64_t rest = first.total_bytes() - first.persistent_bytes;
  if (evaluate) {
    const Program& second = evaluate->stages[static_cast<size_t>(stage)];
    persistent = std::max(persistent, second.persistent_bytes);
    rest = std::max(rest, second.total_bytes() - second.persistent_bytes);
  }
  return persistent + rest;
}

int64_t RunPrograms::largest_arena_bytes() const {
  int64_t largest = 0;
  for (const Program& program : train.stages) {
    largest = std::max(largest, arena_bytes(program.stage));
  }
  return largest;
}

Result<RunPrograms> compile_run(const Config& config, const Layout& layout, const OpTable& ops,
                                const KernelNeeds& needs) {
  RunPrograms programs;
  PersistentLayouts shared;
  TUTTI_ASSIGN(StepGraph step, build_train_step(ops, config.model, build_options(config),
                                                optimizer_options(config.optim)));
  TUTTI_ASSIGN(programs.train, compile_step(std::move(step), layout.plan, layout.schedule, ops,
                                            needs, {}, &shared));
  if (config.train.eval_every > 0) {
    TUTTI_ASSIGN(programs.evaluate, compile_evaluation(config, layout.plan, ops, needs, &shared));
  }
  return programs;
}

Result<CompiledStep> compile_evaluation(const Config& config, Plan plan, const OpTable& ops,
                                        const KernelNeeds& needs, PersistentLayouts* layouts) {
  TUTTI_ASSIGN(StepGraph step, build_evaluation_step(ops, config.model, build_options(config)));
  plan.microbatches = 1;
  return compile_step(std::move(step), plan, forward_schedule(1, plan.pipeline()), ops, needs, {},
                      layouts);
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
