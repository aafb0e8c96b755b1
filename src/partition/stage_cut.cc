#include "partition/stage_cut.h"

#include <algorithm>
#include <limits>

namespace tutti {

std::vector<BlockCost> block_costs(const Graph& graph, const OpTable& ops) {
  std::vector<BlockCost> costs;
  for (const Op& op : graph.ops) {
    if (op.region != Region::kBody) continue;
    const auto block = static_cast<size_t>(op.block + 1);
    if (block >= costs.size()) costs.resize(block + 1);
    BlockCost& cost = costs[block];
    double& part = op.phase == Phase::kForward         ? cost.forward
                   : op.phase == Phase::kBackwardInput ? cost.backward_input
                                                       : cost.backward_weight;
    part += op_flops(ops, graph, op);
  }
  return costs;
}

std::vector<int> cut_by_cost(const std::vector<double>& costs, const Pipeline& pipeline,
                             const std::vector<double>& speeds) {
  const auto layers = costs.size() - 2, positions = static_cast<size_t>(pipeline.positions());
  TUTTI_CHECK(costs.size() >= positions + 2, "{} layers at {} positions", layers, positions);
  std::vector<double> sums(layers + 1, 0);  // of the first n layers
  for (size_t i = 0; i < layers; ++i) sums[i + 1] = sums[i] + costs[i + 1];
  const auto seconds = [&](size_t position, size_t first, size_t last) {
    double cost = sums[last] - sums[first];
    if (position == 0) cost += costs.front();
    if (position + 1 == positions) cost += costs.back();
    const auto stage = static_cast<size_t>(pipeline.stage_of(static_cast<int>(position)));
    return speeds.empty() ? cost : cost / speeds[stage];
  };
  // best[p][n]: the slowest of positions 0 ... p that hold the first n layers; begin: of p.
  std::vector best(positions, std::vector(layers + 1, std::numeric_limits<double>::infinity()));
  std::vector begin(positions, std::vector<size_t>(layers + 1, 0));
  for (size_t p = 0; p < positions; ++p) {
    for (size_t n = p + 1; n <= layers; ++n) {
      for (size_t first = p; first < n; ++first) {
        if (p == 0 && first > 0) break;
        const double before = p == 0 ? 0 : best[p - 1][first];
        const double slowest = std::max(before, seconds(p, first, n));
        if (slowest >= best[p][n]) continue;
        best[p][n] = slowest;
        begin[p][n] = first;
      }
    }
  }
  std::vector<int> position_of(layers);
  for (size_t p = positions, end = layers; p-- > 0; end = begin[p][end]) {
    for (size_t i = begin[p][end]; i < end; ++i) position_of[i] = static_cast<int>(p);
  }
  return position_of;
}

}  // namespace tutti
