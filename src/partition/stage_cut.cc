#include "partition/stage_cut.h"

#include <algorithm>
#include <limits>
#include <set>

#include "partition/recompute_choice.h"

namespace tutti {

namespace {

// What a parameter takes of a rank's memory, with its gradient and two moments.
double state_bytes(const Graph& graph, const Plan& plan, ValueId id) {
  Value value = graph.value(id);
  value.placement = placement_by_rules(plan, value.type.dims);
  const auto bytes = static_cast<double>(local_bytes(value));
  const auto shards = static_cast<double>(group_size(zero_axes(plan)));
  const auto cut = [&](bool cuts) { return bytes / (cuts ? shards : 1); };
  const Offload& offload = plan.offload;
  const bool away = !offload.to_host;
  const double parameter = away && offload.parameters ? 0 : cut(plan.zero >= 3);
  const double moments = away && offload.optimizer ? 0 : 2 * cut(plan.zero >= 1);
  return parameter + cut(plan.zero > 0 && reduces_each_microbatch(plan)) + moments;
}

// Blocks at positions: sums, and what one position from block `first` to before `last` takes.
class Positions {
 public:
  Positions(const std::vector<BlockCost>& costs, const StageCut& cut) : costs_(costs), cut_(cut) {
    sums_.resize(costs.size() + 1);
    for (size_t i = 0; i < costs.size(); ++i) {
      sums_[i + 1].work = sums_[i].work + costs[i].total();
      sums_[i + 1].state_bytes = sums_[i].state_bytes + costs[i].state_bytes;
      sums_[i + 1].stash_bytes = sums_[i].stash_bytes + costs[i].stash_bytes;
    }
  }

  size_t layers() const { return costs_.size() - 2; }
  size_t count() const { return static_cast<size_t>(cut_.pipeline.positions()); }

  // Of layers [first, last) at a position; infinite where they do not fit.
  double seconds(size_t position, size_t first, size_t last) const {
    const auto stage = static_cast<size_t>(cut_.pipeline.stage_of(static_cast<int>(position)));
    const size_t begin = position == 0 ? 0 : first + 1;
    const size_t end = position + 1 == count() ? costs_.size() : last + 1;
    const double held = cut_.held.empty() ? 1 : cut_.held[stage];
    const double bytes = sums_[end].state_bytes - sums_[begin].state_bytes +
                         held * (sums_[end].stash_bytes - sums_[begin].stash_bytes);
    if (cut_.bytes_max > 0 && bytes > cut_.bytes_max) return kNever;
    const double cost = sums_[end].work - sums_[begin].work;
    return cut_.speeds.empty() ? cost : cost / cut_.speeds[stage];
  }

  static constexpr double kNever = std::numeric_limits<double>::infinity();

 private:
  const std::vector<BlockCost>& costs_;
  const StageCut& cut_;
  struct Sums {
    double work = 0, state_bytes = 0, stash_bytes = 0;
  };
  std::vector<Sums> sums_;  // of the first n blocks
};

}  // namespace

Result<std::vector<BlockCost>> block_costs(Graph graph, const PassContext& context) {
  TUTTI_TRY(fuse_loss(graph, context));
  std::vector<BlockCost> costs;
  const auto of_block = [&](int block) -> BlockCost& {
    const auto index = static_cast<size_t>(block + 1);
    if (index >= costs.size()) costs.resize(index + 1);
    return costs[index];
  };
  std::set<std::pair<int, ValueId>> read;
  for (const Op& op : graph.ops) {
    if (op.region != Region::kBody) continue;
    BlockCost& cost = of_block(op.block);
    double& part = op.phase == Phase::kForward         ? cost.forward
                   : op.phase == Phase::kBackwardInput ? cost.backward_input
                                                       : cost.backward_weight;
    part += op_flops(context.ops, graph, op);
    for (ValueId id : op.inputs) {
      const bool parameter = graph.value(id).role == Role::kParameter;
      if (!parameter || !read.insert({op.block, id}).second) continue;
      cost.state_bytes += state_bytes(graph, context.plan, id);
    }
  }
  if (context.plan.offload.activations && !context.plan.offload.to_host) return costs;
  for (const ForwardBlock& block : forward_blocks(graph, context)) {
    const RecomputePolicy policy = context.plan.recompute;
    const bool least = policy == RecomputePolicy::kFull || policy == RecomputePolicy::kBudget;
    const BlockChoice kept = choose(block, std::vector(block.ops.size(), least));
    of_block(block.block).stash_bytes += static_cast<double>(kept.bytes);
  }
  return costs;
}

Result<std::vector<int>> cut_by_cost(const std::vector<BlockCost>& costs, const StageCut& cut) {
  const Positions positions(costs, cut);
  const size_t layers = positions.layers(), count = positions.count();
  TUTTI_CHECK(layers >= count, "{} layers at {} positions", layers, count);
  // best[p][n]: the slowest of positions 0 ... p that hold the first n layers; begin: of p.
  std::vector best(count, std::vector(layers + 1, Positions::kNever));
  std::vector begin(count, std::vector<size_t>(layers + 1, 0));
  for (size_t p = 0; p < count; ++p) {
    for (size_t n = p + 1; n <= layers; ++n) {
      for (size_t first = p; first < n; ++first) {
        if (p == 0 && first > 0) break;
        const double before = p == 0 ? 0 : best[p - 1][first];
        const double slowest = std::max(before, positions.seconds(p, first, n));
        if (slowest >= best[p][n]) continue;
        best[p][n] = slowest;
        begin[p][n] = first;
      }
    }
  }
  if (best[count - 1][layers] == Positions::kNever) {
    return error(ErrorKind::kResource,
                 "no cut of {} layers into {} positions takes at most {:.0f} bytes at each", layers,
                 count, cut.bytes_max);
  }
  std::vector<int> position_of(layers);
  for (size_t p = count, end = layers; p-- > 0; end = begin[p][end]) {
    for (size_t i = begin[p][end]; i < end; ++i) position_of[i] = static_cast<int>(p);
  }
  return position_of;
}

}  // namespace tutti
