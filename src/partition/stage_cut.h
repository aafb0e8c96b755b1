// Where to cut a model's layers into the positions of a pipeline, by what they cost. Pure
// functions.
#pragma once

#include <vector>

#include "collective/pipeline.h"
#include "partition/pass.h"

namespace tutti {

// Floating-point operations of one microbatch, and bytes on one rank.
struct BlockCost {
  double forward = 0;
  double backward_input = 0;
  double backward_weight = 0;
  double state_bytes = 0;  // parameters, gradients and optimizer state, as ZeRO cuts them
  double stash_bytes = 0;  // that a microbatch keeps for backward
  double total() const { return forward + backward_input + backward_weight; }
};

// Of a step graph whose sizes are bound, before the passes: the embedding's first, then each
// layer's, then the head's. A tied embedding's state is the embedding's and the head's.
Result<std::vector<BlockCost>> block_costs(Graph graph, const PassContext& context);

struct StageCut {
  Pipeline pipeline;
  std::vector<double> speeds = {};  // of each stage, which divide costs; empty: all are 1
  // What a position may take in memory, where a stage keeps `held` microbatches; 0: any.
  double bytes_max = 0;
  std::vector<double> held = {};  // by stage
};

// The position of each layer, so that the slowest position is as fast as can be and none takes more
// than it may: each has at least one layer, the first also `costs.front()`, the last
// `costs.back()`. An error says that nothing fits. Requires costs of positions() + 2 blocks or more.
Result<std::vector<int>> cut_by_cost(const std::vector<BlockCost>& costs, const StageCut& cut);

}  // namespace tutti
