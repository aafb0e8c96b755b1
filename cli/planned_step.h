// A config's training step, compiled for every stage of its pipeline without data and without
// memory for tensors: what `tutti plan` shows. Pure functions.
#pragma once

#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "models/step_graph.h"
#include "ops/kernel_call.h"
#include "partition/pass.h"
#include "plan/plan.h"
#include "program/program.h"
#include "schedule/timeline.h"
#include "train/config.h"

namespace tutti {

struct PlannedStep {
  Plan plan;
  Schedule schedule;
  PassTimes times;
  std::vector<Program> stages;  // of a rank of each
  std::vector<PassRecord> passes;
  size_t graph_ops = 0;  // of the single-device step
  double build_s = 0;    // model, gradients, optimizer
  double passes_s = 0;   // with the verification between them
  double compile_s = 0;  // bodies, addresses and actions of all stages, and lint
};

Result<PlannedStep> compile_planned_step(FileSystem& fs, const Config& config, const OpTable& ops,
                                         const KernelNeeds& needs, const PassOptions& passes,
                                         Clock& clock);

}  // namespace tutti
