#include "partition/recompute_choice.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace tutti {
namespace {

// What a byte moved costs next to a floating-point operation, where both are bound by the machine:
// CPUs and GPUs do about ten to a hundred operations in the time of a byte.
constexpr double kOperationsPerByte = 10;
// Ops whose repetition is decided one by one: 2^n ways are tried.
constexpr size_t kChoicesMax = 16;

class BlockFinder {
 public:
  BlockFinder(const Graph& graph, const PassContext& context)
      : graph_(graph), context_(context), readers_(consumers(graph)), maker_(graph.values.size()) {}

  std::vector<ForwardBlock> run() {
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      const Op& op = graph_.ops[i];
      if (body_index(op, context_.plan) != 0) continue;
      if (op.kind == OpKind::kTransfer) continue;  // what comes is kept
      add(i, op);
    }
    return std::move(blocks_);
  }

 private:
  // Where a value is made: block and place in it.
  struct Maker {
    int block = -1, place = -1;
  };

  void add(size_t index, const Op& op) {
    const auto [at, added] = by_key_.emplace(std::pair{op.stage, op.block}, blocks_.size());
    if (added) blocks_.push_back({{}, op.block, op.stage, apart_at(op.stage)});
    ForwardBlock& block = blocks_[at->second];
    ForwardBlock::ForwardOp made;
    made.op = index;
    const OpDef& def = context_.ops[op.kind];
    made.cheap = def.cheap && !def.view;
    made.view = def.view;
    made.attention = op.kind == OpKind::kAttention;
    const auto number = static_cast<int>(at->second);
    for (ValueId id : op.inputs) {
      const Maker& maker = maker_[static_cast<size_t>(id.index)];
      if (maker.block == number) made.inputs.push_back(maker.place);
    }
    for (ValueId id : op.outputs) {
      maker_[static_cast<size_t>(id.index)] = {number, static_cast<int>(block.ops.size())};
      if (!def.view && !only_accumulated(id)) made.bytes += bytes_of(id);
      for (OpId reader : readers_[static_cast<size_t>(id.index)]) note_reader(op, reader, made);
      made.boundary = made.boundary || graph_.value(id).updates.valid() || only_accumulated(id);
    }
    made.cost = op_flops(context_.ops, graph_, op) +
                (def.view ? 0 : kOperationsPerByte * op_bytes(graph_, op));
    block.ops.push_back(std::move(made));
  }

  double apart_at(int position) const {
    const auto& apart = context_.plan.stash_apart;
    const auto at = static_cast<size_t>(std::max(position, 0));
    return at < apart.size() ? apart[at] : 0;
  }

  // A gradient that forward makes (the loss's) goes straight into its accumulator.
  bool only_accumulated(ValueId id) const {
    const auto& readers = readers_[static_cast<size_t>(id.index)];
    const auto accumulates = [&](OpId reader) {
      return graph_.op(reader).kind == OpKind::kAccumulate;
    };
    return !readers.empty() && std::all_of(readers.begin(), readers.end(), accumulates);
  }

  void note_reader(const Op& op, OpId id, ForwardBlock::ForwardOp& made) const {
    const Op& reader = graph_.op(id);
    const bool forward = body_index(reader, context_.plan) == 0;
    const bool same =
        reader.block == op.block && reader.stage == op.stage && reader.kind != OpKind::kTransfer;
    made.needed = made.needed || (!forward && reader.region == Region::kBody);
    made.needed_apart = made.needed_apart || body_index(reader, context_.plan) == 2;
    made.boundary = made.boundary || (forward && !same);
  }

  int64_t bytes_of(ValueId id) const {
    Value value = graph_.value(id);
    value.placement = placement_by_rules(context_.plan, value.type.dims);
    return local_bytes(value);
  }

  const Graph& graph_;
  const PassContext& context_;
  std::vector<std::vector<OpId>> readers_;
  std::vector<Maker> maker_;  // by value
  std::map<std::pair<int, int>, size_t> by_key_;
  std::vector<ForwardBlock> blocks_;
};

// Blocks of one key have the same ways.
using BlockKey =
    std::vector<std::tuple<std::vector<int>, int64_t, double, bool, bool, bool, bool, double>>;
BlockKey key_of(const ForwardBlock& block) {
  BlockKey key;
  for (const auto& op : block.ops) {
    key.push_back({op.inputs, op.bytes, op.cost, op.needed, op.boundary, op.view, op.cheap,
                   op.needed_apart ? block.apart : -1});
  }
  return key;
}

// A partial sum over blocks, and the way of the last of them.
struct Sum {
  int64_t bytes = 0;
  double cost = 0;
  size_t way = 0;
  size_t before = 0;  // the sum that it continues
};

// Those that are not worse than another in both, by bytes.
void prune(std::vector<Sum>& sums) {
  std::sort(sums.begin(), sums.end(), [](const Sum& a, const Sum& b) {
    return std::tie(a.bytes, a.cost, a.way, a.before) < std::tie(b.bytes, b.cost, b.way, b.before);
  });
  size_t kept = 0;
  for (const Sum& sum : sums) {
    if (kept == 0 || sum.cost < sums[kept - 1].cost) sums[kept++] = sum;
  }
  sums.resize(kept);
}

std::vector<bool> all_of(const ForwardBlock& block, bool attention_only) {
  std::vector<bool> repeats;
  for (const auto& op : block.ops) repeats.push_back(op.attention || !attention_only);
  return repeats;
}

}  // namespace

std::vector<ForwardBlock> forward_blocks(const Graph& graph, const PassContext& context) {
  return BlockFinder(graph, context).run();
}

BlockChoice choose(const ForwardBlock& block, const std::vector<bool>& repeats) {
  const size_t count = block.ops.size();
  BlockChoice choice{std::vector<bool>(count, false), 0, 0};
  std::vector<bool> wanted(count, false);
  for (size_t i = 0; i < count; ++i) wanted[i] = block.ops[i].needed;
  // Whether it is there in backward without anything more being kept for it.
  const auto there = [&](auto&& self, size_t i) -> bool {
    const auto& op = block.ops[i];
    if (wanted[i] || op.view) return true;
    if (op.boundary || !(op.cheap || repeats[i])) return false;
    return std::all_of(op.inputs.begin(), op.inputs.end(),
                       [&](int input) { return self(self, static_cast<size_t>(input)); });
  };
  // Readers come later: what an op's output is wanted for is known when it is reached.
  for (size_t i = count; i-- > 0;) {
    const auto& op = block.ops[i];
    if (!wanted[i]) continue;
    const bool from_there = std::all_of(op.inputs.begin(), op.inputs.end(), [&](int input) {
      return there(there, static_cast<size_t>(input));
    });
    const bool repeated = op.view || (op.cheap ? from_there : repeats[i]);
    choice.repeated[i] = repeated && (op.view || !op.boundary);
    if (!choice.repeated[i]) {
      choice.bytes += op.bytes;
      continue;
    }
    choice.cost += op.cost;
    if (!op.view && !op.cheap && op.needed_apart) {
      choice.bytes += static_cast<int64_t>(block.apart * static_cast<double>(op.bytes));
    }
    for (int input : op.inputs) wanted[static_cast<size_t>(input)] = true;
  }
  return choice;
}

std::vector<BlockChoice> frontier(const ForwardBlock& block) {
  // Only ops whose results take memory, largest first where there are many.
  std::vector<size_t> candidates;
  for (size_t i = 0; i < block.ops.size(); ++i) {
    if (!block.ops[i].boundary && !block.ops[i].cheap && !block.ops[i].view)
      candidates.push_back(i);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&](size_t a, size_t b) { return block.ops[a].bytes > block.ops[b].bytes; });
  if (candidates.size() > kChoicesMax) candidates.resize(kChoicesMax);
  std::vector<BlockChoice> ways;
  for (size_t mask = 0; mask < size_t{1} << candidates.size(); ++mask) {
    std::vector<bool> repeats(block.ops.size(), false);
    for (size_t c = 0; c < candidates.size(); ++c) repeats[candidates[c]] = mask >> c & 1;
    ways.push_back(choose(block, repeats));
  }
  std::stable_sort(ways.begin(), ways.end(), [](const BlockChoice& a, const BlockChoice& b) {
    return std::tie(a.cost, a.bytes) < std::tie(b.cost, b.bytes);
  });
  std::vector<BlockChoice> best;
  for (BlockChoice& way : ways) {
    if (best.empty() || way.bytes < best.back().bytes) best.push_back(std::move(way));
  }
  return best;
}

Result<std::vector<BlockChoice>> fit(const std::vector<ForwardBlock>& blocks, int64_t bytes) {
  std::map<BlockKey, std::vector<BlockChoice>> frontiers;
  std::vector<const std::vector<BlockChoice>*> ways;
  std::vector<std::vector<Sum>> sums = {{Sum()}};
  for (const ForwardBlock& block : blocks) {
    auto [found, added] = frontiers.try_emplace(key_of(block));
    if (added) found->second = frontier(block);
    ways.push_back(&found->second);
    std::vector<Sum> next;
    for (size_t before = 0; before < sums.back().size(); ++before) {
      for (size_t way = 0; way < ways.back()->size(); ++way) {
        const BlockChoice& choice = (*ways.back())[way];
        const Sum& sum = sums.back()[before];
        next.push_back({sum.bytes + choice.bytes, sum.cost + choice.cost, way, before});
      }
    }
    prune(next);
    sums.push_back(std::move(next));
  }
  // Sums are by bytes, and cost falls as bytes rise: the last that fits is the cheapest.
  const auto& last = sums.back();
  if (last.front().bytes > bytes) {
    return error(ErrorKind::kResource,
                 "backward needs at least {} bytes of a microbatch, {} are allowed",
                 last.front().bytes, bytes);
  }
  size_t at = 0;
  while (at + 1 < last.size() && last[at + 1].bytes <= bytes) ++at;
  std::vector<BlockChoice> chosen(blocks.size());
  for (size_t b = blocks.size(); b-- > 0;) {
    const Sum& sum = sums[b + 1][at];
    chosen[b] = (*ways[b])[sum.way];
    at = sum.before;
  }
  return chosen;
}

Result<std::vector<bool>> repeated_ops(const Graph& graph, const PassContext& context) {
  const Plan& plan = context.plan;
  std::map<int, std::vector<ForwardBlock>> by_position;
  int layers = 0;
  for (const Op& op : graph.ops) layers = std::max(layers, op.block);
  for (ForwardBlock& block : forward_blocks(graph, context)) {
    by_position[block.position].push_back(std::move(block));
  }
  std::vector<bool> repeated(graph.ops.size(), false);
  for (const auto& [position, blocks] : by_position) {
    std::vector<BlockChoice> choices;
    if (plan.recompute == RecomputePolicy::kBudget) {
      const auto at = static_cast<size_t>(std::max(position, 0));
      auto fitted = fit(blocks, plan.stash_bytes[at]);
      if (!fitted.ok()) {
        return invalid("parallel.stash_mib is too small at position {} of the pipeline: {}", at,
                       fitted.message());
      }
      choices = std::move(*fitted);
    } else {
      for (const ForwardBlock& block : blocks) {
        const bool of_layer = block.block >= 0 && block.block < layers;
        const bool repeats = of_layer && plan.recompute != RecomputePolicy::kNone;
        const bool selective = plan.recompute == RecomputePolicy::kSelective;
        choices.push_back(choose(
            block, repeats ? all_of(block, selective) : std::vector(block.ops.size(), false)));
      }
    }
    for (size_t b = 0; b < blocks.size(); ++b) {
      for (size_t i = 0; i < blocks[b].ops.size(); ++i) {
        repeated[blocks[b].ops[i].op] = choices[b].repeated[i];
      }
    }
  }
  return repeated;
}

}  // namespace tutti
