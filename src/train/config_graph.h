// The graphs of a config's steps, before any pass.
#pragma once

#include "models/step_graph.h"
#include "train/config.h"

namespace tutti {

Result<StepGraph> build_training(const OpTable& ops, const Config& config);
Result<StepGraph> build_evaluation(const OpTable& ops, const Config& config);

}  // namespace tutti
