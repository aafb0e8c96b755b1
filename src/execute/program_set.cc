#include "execute/program_set.h"

#include "base/clock.h"
#include "program/lint.h"

namespace tutti {

Result<CompiledStep> compile_step(StepGraph step, const Plan& plan, const Schedule& schedule,
                                  const OpTable& ops, const KernelNeeds& needs,
                                  const PassOptions& passes, PersistentLayout* layout, int stage) {
  const auto clock = make_system_clock();
  const double start_s = clock->monotonic_s();
  CompiledStep result;
  result.step = std::move(step);
  Graph& graph = result.step.graph;
  bind_dim(graph, "batch", plan.samples_per_microbatch());
  bind_dim(graph, "microbatch", plan.microbatches);
  TUTTI_ASSIGN(result.passes, run_passes(graph, {ops, plan}, passes));
  CompileOptions options;
  options.stage = stage;
  options.schedule = &schedule;
  options.persistent = layout;
  TUTTI_ASSIGN(result.program, compile(graph, plan, ops, needs, options));
  if (plan.mesh.size(Axis::kPp) == 1) TUTTI_TRY(lint({result.program}));
  result.compile_seconds = clock->monotonic_s() - start_s;
  return result;
}

}  // namespace tutti
