// From a config's sizes to compiled programs: the pipeline of builder, passes and compiler in one
// place, for training, evaluation, planning and tests.
#pragma once

#include <vector>

#include "models/step_graph.h"
#include "partition/pass.h"
#include "program/compile.h"

namespace tutti {

struct CompiledStep {
  StepGraph step;  // after the passes
  Program program;
  std::vector<PassRecord> passes;
  double compile_seconds = 0;  // of passes, compilation and lint
};

// Binds the plan's sizes into the graph, runs the passes and compiles one stage.
Result<CompiledStep> compile_step(StepGraph step, const Plan& plan, const Schedule& schedule,
                                  const OpTable& ops, const KernelNeeds& needs,
                                  const PassOptions& passes, PersistentLayout* layout,
                                  int stage = 0);

}  // namespace tutti
