// The layouts that the parity tests run.
#pragma once

#include <string>
#include <vector>

#include "models/config.h"
#include "plan/plan.h"
#include "schedule/schedule.h"

namespace tutti {

struct ParityLayout {
  std::string name;
  Plan plan;
  Schedule schedule;
  int64_t layers = 2;  // of the model
};

// "dp=2 tp=2 zero=1 accumulate=2": sizes of axes and settings of a plan, with kParitySamples a
// step; "pp=4 chunks=2 schedule=interleaved-1f1b layers=8".
ParityLayout parity_layout(const std::string& text);

// Each axis alone, pairs and triples, all ZeRO stages, accumulation: every pair of settings occurs.
std::vector<ParityLayout> parity_layouts(const ModelConfig& model);

}  // namespace tutti
