// From a config's sizes to compiled programs: the pipeline of builder, passes and compiler in one
// place, for training, evaluation, planning and tests.
#pragma once

#include <vector>

#include "models/step_graph.h"
#include "partition/pass.h"
#include "program/compile.h"

namespace tutti {

using PersistentLayouts = std::vector<PersistentLayout>;

struct CompiledStep {
  StepGraph step;               // after the passes
  std::vector<Program> stages;  // of the pipeline; one without
  std::vector<PassRecord> passes;
  size_t graph_ops = 0;   // before the passes
  double build_s = 0;     // of the graph, where its builder says
  double passes_s = 0;    // with the verification between them
  double programs_s = 0;  // bodies, addresses and actions of all stages, and lint
};

// Binds the plan's sizes into the graph, runs the passes, compiles every stage and checks them
// together. `layouts`, by stage, is what programs of a run share; null: nothing. Requires a
// schedule of the plan's pipeline that passes verify().
Result<CompiledStep> compile_step(StepGraph step, const Plan& plan, const Schedule& schedule,
                                  const OpTable& ops, const KernelNeeds& needs,
                                  const PassOptions& passes, PersistentLayouts* layouts);

}  // namespace tutti
