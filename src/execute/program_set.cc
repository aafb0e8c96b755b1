#include "execute/program_set.h"

#include "base/clock.h"
#include "program/lint.h"

namespace tutti {

Result<CompiledStep> compile_step(StepGraph step, const Plan& plan, const Schedule& schedule,
                                  const OpTable& ops, const KernelNeeds& needs,
                                  const PassOptions& passes, PersistentLayouts* layouts) {
  const auto clock = make_system_clock();
  const double start_s = clock->monotonic_s();
  CompiledStep result;
  result.step = std::move(step);
  Graph& graph = result.step.graph;
  bind_dim(graph, "batch", plan.samples_per_microbatch());
  bind_dim(graph, "microbatch", plan.microbatches);
  result.graph_ops = graph.ops.size();
  TUTTI_ASSIGN(result.passes, run_passes(graph, {ops, plan}, passes));
  const double passed_s = clock->monotonic_s();
  result.passes_s = passed_s - start_s;
  const int stages = plan.pipeline().stages;
  if (layouts != nullptr) layouts->resize(static_cast<size_t>(stages));
  for (int stage = 0; stage < stages; ++stage) {
    CompileOptions options;
    options.stage = stage;
    options.schedule = &schedule;
    options.persistent = layouts == nullptr ? nullptr : &(*layouts)[static_cast<size_t>(stage)];
    TUTTI_ASSIGN(Program program, compile(graph, plan, ops, needs, options));
    result.stages.push_back(std::move(program));
  }
  TUTTI_TRY(lint(result.stages));
  result.programs_s = clock->monotonic_s() - passed_s;
  return result;
}

}  // namespace tutti
