// A model compiled for a plan, and what a test needs to run it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/step_graph.h"
#include "partition/pass.h"
#include "program/compile.h"
#include "slice/lock_step.h"

namespace tutti {

// Two layers, grouped queries, untied; or a tied GPT-2 with biases. A vocabulary that needs padding.
ModelConfig small_llama();
ModelConfig small_gpt2();

struct Compiled {
  StepGraph step;
  std::vector<Program> stages;
};

// tp 2 with sequence parallelism x ZeRO-3 over 2 x pp 2 with a zero-bubble schedule of 4 microbatches.
Plan slice_plan();
Schedule slice_schedule();
// One rank, the same samples a step.
Plan one_rank_plan();

Result<Compiled> compile_step(const ModelConfig& config, Plan plan, const Schedule& schedule,
                              const KernelNeeds& needs, const PassOptions& passes = {});

// Everything that a step made, by name: "loss", "grad_norm", and each parameter's gradient.
using StepResult = std::map<std::string, LogicalValue>;

// Runs one step on seeded parameters and tokens (uneven: some labels are ignored).
Result<StepResult> run_step(const std::vector<Program>& stages, const StepGraph& step,
                            const Backend& backend, uint64_t seed);

// The largest ||a - b|| / ||b|| over all entries; NaN counts as infinite. Entries whose reference is
// all zero must be tiny.
double worst_difference(const StepResult& a, const StepResult& b, std::string* worst_name);

}  // namespace tutti
