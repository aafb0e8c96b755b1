// Where to cut a model's layers into the positions of a pipeline, by what they cost. Pure
// functions.
#pragma once

#include <vector>

#include "collective/pipeline.h"
#include "ir/graph.h"
#include "ops/op_def.h"

namespace tutti {

// Floating-point operations of one microbatch.
struct BlockCost {
  double forward = 0;
  double backward_input = 0;
  double backward_weight = 0;
  double total() const { return forward + backward_input + backward_weight; }
};

// Of the body of a step graph whose sizes are bound: the embedding's first, then each layer's, then
// the head's.
std::vector<BlockCost> block_costs(const Graph& graph, const OpTable& ops);

// The position of each layer, so that the slowest position is as fast as can be: each has at least
// one layer, the first also `costs.front()`, the last `costs.back()`. `speeds`, by stage, divide
// costs; empty: all are 1. Of equal cuts the one with the smallest positions first.
// Requires costs of positions() + 2 blocks or more.
std::vector<int> cut_by_cost(const std::vector<double>& costs, const Pipeline& pipeline,
                             const std::vector<double>& speeds = {});

}  // namespace tutti
