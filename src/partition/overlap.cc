// Starts what brings a block's parameters (gathers, and fetches of what is offloaded) some blocks
// before the block that reads them, so that it runs beside the compute of these blocks.
// plan.prefetch says how many; each costs the memory of one more block.
#include <map>
#include <optional>
#include <unordered_set>

#include "partition/pass.h"

namespace tutti {
namespace {

// The ops that are started early.
class Early {
 public:
  explicit Early(const Graph& graph) : graph_(graph) {
    for (const Op& op : graph.ops) {
      if (op.kind == OpKind::kFetch) fetched_.insert(op.outputs[0]);
    }
  }

  bool gathers(const Op& op) const {
    return op.kind == OpKind::kAllGather && op.region == Region::kBody &&
           (graph_.value(op.inputs[0]).role == Role::kParameter || fetched_.contains(op.inputs[0]));
  }
  bool contains(const Op& op) const { return op.kind == OpKind::kFetch || gathers(op); }

 private:
  const Graph& graph_;
  std::unordered_set<ValueId> fetched_;
};

// Bodies of a microbatch by their number, the epilogue; nothing is fetched in the prologue.
std::optional<int> body_of(const Op& op, const Plan& plan) {
  if (op.region == Region::kPrologue) return std::nullopt;
  return body_index(op, plan);
}

// The runs of ops of one block, in each body: where they begin.
class Segments {
 public:
  Segments(const Graph& graph, const Plan& plan, const Early& early) {
    for (size_t i = 0; i < graph.ops.size(); ++i) {
      const Op& op = graph.ops[i];
      const std::optional<int> number = body_of(op, plan);
      if (!number || early.contains(op)) continue;
      Body& body = bodies_[*number];
      if (body.begins.empty() || body.last_block != op.block) body.begins.push_back(i);
      body.last_block = op.block;
    }
  }

  // The first op of the run that is `distance` before the one that holds op `index`.
  size_t before(int body, size_t index, int distance) const {
    const auto& begins = bodies_.at(body).begins;
    size_t run = 0;
    while (run + 1 < begins.size() && begins[run + 1] <= index) ++run;
    return begins[run - std::min(run, static_cast<size_t>(distance))];
  }

 private:
  struct Body {
    std::vector<size_t> begins;
    int last_block = 0;
  };
  std::map<int, Body> bodies_;
};

}  // namespace

Status overlap(Graph& graph, const PassContext& context) {
  const int distance = context.plan.prefetch;
  if (distance == 0) return {};
  const Early early(graph);
  const Segments segments(graph, context.plan, early);
  std::vector<std::vector<size_t>> moved_to(graph.ops.size());
  std::vector<bool> moved(graph.ops.size(), false);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    if (!early.contains(op)) continue;
    size_t reader = i;
    bool for_gather = false;  // which is started early itself
    for (; early.contains(graph.ops[reader]); ++reader) {
      const auto& inputs = graph.ops[reader].inputs;
      for_gather = for_gather || inputs[0] == op.outputs[0];
    }
    const int body = *body_of(op, context.plan);
    const size_t to = segments.before(body, reader, for_gather ? 2 * distance : distance);
    moved[i] = to < i;
    if (moved[i]) moved_to[to].push_back(i);
  }
  std::vector<Op> old = std::move(graph.ops);
  graph.ops.clear();
  for (size_t i = 0; i < old.size(); ++i) {
    for (size_t early_op : moved_to[i]) graph.ops.push_back(old[early_op]);
    if (!moved[i]) graph.ops.push_back(old[i]);
  }
  return {};
}

}  // namespace tutti
