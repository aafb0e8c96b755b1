#include "planned_step.h"

#include "program/compile.h"
#include "program/lint.h"
#include "schedule/generators.h"
#include "train/config_keys.h"
#include "train/layout.h"

namespace tutti {
namespace {

BuildOptions build_options(const Config& config) {
  BuildOptions options;
  options.seq = config.train.seq_len;
  options.seed = static_cast<uint64_t>(config.train.seed);
  return options;
}

OptimizerOptions optimizer_options(const OptimSection& optim) {
  return {.beta1 = optim.beta1,
          .beta2 = optim.beta2,
          .epsilon = optim.epsilon,
          .weight_decay = optim.weight_decay,
          .grad_clip = optim.grad_clip};
}

Status compile_stages(const Graph& graph, const Schedule& schedule, const OpTable& ops,
                      const KernelNeeds& needs, PlannedStep& planned) {
  for (int stage = 0; stage < planned.plan.mesh.size(Axis::kPp); ++stage) {
    CompileOptions options;
    options.stage = stage;
    options.schedule = &schedule;
    TUTTI_ASSIGN(Program program, compile(graph, planned.plan, ops, needs, options));
    planned.stages.push_back(std::move(program));
  }
  return lint(planned.stages);
}

}  // namespace

Result<PlannedStep> compile_planned_step(FileSystem& fs, const Config& config, const OpTable& ops,
                                         const KernelNeeds& needs, const PassOptions& passes,
                                         Clock& clock) {
  PlannedStep planned;
  TUTTI_ASSIGN(Layout layout, layout_of(fs, config, ops));
  planned.plan = std::move(layout.plan);
  planned.schedule = std::move(layout.schedule);
  planned.times = layout.times;
  const double start_s = clock.monotonic_s();
  TUTTI_ASSIGN(StepGraph step, build_train_step(ops, config.model, build_options(config),
                                                optimizer_options(config.optim)));
  Graph& graph = step.graph;
  planned.graph_ops = graph.ops.size();
  bind_dim(graph, "batch", planned.plan.samples_per_microbatch());
  bind_dim(graph, "microbatch", planned.plan.microbatches);
  const double built_s = clock.monotonic_s();
  TUTTI_ASSIGN(planned.passes, run_passes(graph, {ops, planned.plan}, passes));
  const double passed_s = clock.monotonic_s();
  TUTTI_TRY(compile_stages(graph, planned.schedule, ops, needs, planned));
  planned.build_s = built_s - start_s;
  planned.passes_s = passed_s - built_s;
  planned.compile_s = clock.monotonic_s() - passed_s;
  return planned;
}

}  // namespace tutti
