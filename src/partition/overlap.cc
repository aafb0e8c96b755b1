// Starts the gather of a bucket's parameters some blocks before the block that reads them, so that
// it runs beside the compute of these blocks. plan.prefetch says how many; each costs the memory of
// one more block.
#include <map>

#include "partition/pass.h"

namespace tutti {
namespace {

bool gathers_parameters(const Graph& graph, const Op& op) {
  return op.kind == OpKind::kAllGather && op.region == Region::kBody &&
         graph.value(op.inputs[0]).role == Role::kParameter;
}

// The runs of ops of one block, in each body: where they begin.
class Segments {
 public:
  Segments(const Graph& graph, const Plan& plan) {
    for (size_t i = 0; i < graph.ops.size(); ++i) {
      const Op& op = graph.ops[i];
      if (op.region != Region::kBody || gathers_parameters(graph, op)) continue;
      Body& body = bodies_[body_index(op, plan)];
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
  const Segments segments(graph, context.plan);
  std::vector<std::vector<size_t>> moved_to(graph.ops.size());
  std::vector<bool> moved(graph.ops.size(), false);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    if (!gathers_parameters(graph, op)) continue;
    size_t reader = i;
    while (gathers_parameters(graph, graph.ops[reader])) ++reader;
    const size_t to = segments.before(body_index(op, context.plan), reader, distance);
    moved[i] = to < i;
    if (moved[i]) moved_to[to].push_back(i);
  }
  std::vector<Op> old = std::move(graph.ops);
  graph.ops.clear();
  for (size_t i = 0; i < old.size(); ++i) {
    for (size_t gather : moved_to[i]) graph.ops.push_back(old[gather]);
    if (!moved[i]) graph.ops.push_back(old[i]);
  }
  return {};
}

}  // namespace tutti
