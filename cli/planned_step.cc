#include "planned_step.h"

#include "program/compile.h"
#include "program/lint.h"
#include "schedule/generators.h"
#include "train/config_keys.h"
#include "train/layout.h"

namespace tutti {
namespace {

// Actions are listed one by one, for every stage.
constexpr int64_t kMicrobatchesMax = 1 << 16;

Error not_built(const Config& config, std::string_view key, std::string_view instead) {
  const ConfigKey* found = find_config_key(key);
  TUTTI_CHECK(found != nullptr, "{}", key);
  return invalid("{} = {} is not built; {}", key, key_value(*found, config), instead);
}

Status check_microbatches(const Config& config) {
  const int64_t microbatches = config.accumulation();
  if (microbatches <= kMicrobatchesMax) return {};
  return invalid("{} microbatches on a rank, at most {} can be planned; raise train.micro_batch",
                 microbatches, kMicrobatchesMax);
}

Result<Schedule> schedule_of(const Config& config) {
  const auto stages = static_cast<int>(config.parallel.pp);
  const auto microbatches = static_cast<int>(config.accumulation());
  if (stages == 1) return sequential_schedule(microbatches);
  Schedule schedule;
  switch (config.parallel.schedule) {
    case PipelineSchedule::kGPipe:
      schedule = gpipe_schedule(stages, microbatches);
      break;
    case PipelineSchedule::k1F1B:
      schedule = one_forward_one_backward_schedule(stages, microbatches);
      break;
    default:
      return not_built(config, "parallel.schedule", "set it to \"1f1b\" or \"gpipe\"");
  }
  TUTTI_TRY(verify(schedule));
  return schedule;
}

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

Result<PlannedStep> compile_planned_step(const Config& config, const OpTable& ops,
                                         const KernelNeeds& needs, const PassOptions& passes,
                                         Clock& clock) {
  PlannedStep planned;
  TUTTI_TRY(check_microbatches(config));
  TUTTI_ASSIGN(planned.plan, plan_of(config));
  TUTTI_ASSIGN(const Schedule schedule, schedule_of(config));
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
  TUTTI_TRY(compile_stages(graph, schedule, ops, needs, planned));
  planned.build_s = built_s - start_s;
  planned.passes_s = passed_s - built_s;
  planned.compile_s = clock.monotonic_s() - passed_s;
  return planned;
}

}  // namespace tutti
