// Trains a small model on the ranks of a world, in a layout, and puts together what one
// rank would have had: the same parameters, tokens and random numbers in every layout.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "parity/layouts.h"
#include "parity/models.h"
#include "program/calls.h"

namespace tutti {

inline constexpr int kParitySteps = 20;
// How far a layout may be from one rank, relative: losses, and gradients by their norms.
inline constexpr double kParityLoss = 1e-5;
inline constexpr double kParityGradient = 1e-4;

struct ParityStep {
  double loss = 0;
  double grad_norm = 0;
  std::map<std::string, std::vector<float>> gradients;  // by parameter, logical
};

struct ParityResult {
  std::vector<ParityStep> steps;
  int64_t planned_bytes = 0, allocated_bytes = 0;  // of this rank
  int64_t planned_wire = 0, sent = 0;              // of all ranks
  CopiedBytes planned_copies, copied;              // of this rank, of what is offloaded
};

// Called on every rank; all of them get all of the result.
Result<ParityResult> run_parity(const ParityModel& model, const ParityLayout& layout, World& world,
                                int steps);

// The same with a thread for each rank; rank 0's result, where every rank's memory is as planned.
Result<ParityResult> run_parity_on_threads(const ParityModel& model, const ParityLayout& layout,
                                           int steps);

// What two runs differ by, at worst over all steps: of losses relative; of gradients the norm of
// the difference over the norm, with the biases of queries, keys and values taken as one vector.
struct ParityDifference {
  double loss = 0;
  double gradient = 0;
  std::string where;  // of the gradient
};
ParityDifference compare(const ParityResult& result, const ParityResult& reference);

}  // namespace tutti
