#include "execute/collectives.h"

#include "comm/reduce.h"
#include "program/calls.h"

namespace tutti {
namespace {

Status exchange(Communicator& group, const CollectiveLayout& layout, const void* in, void* out,
                std::string_view name) {
  const int64_t count = layout.count;
  switch (layout.kind) {
    case CallKind::kAllReduce:
      return group.all_reduce(in, out, count, layout.dtype, layout.reduce, name);
    case CallKind::kReduceScatter:
      return group.reduce_scatter(in, out, count, layout.dtype, layout.reduce, name);
    case CallKind::kAllGather:
      return group.all_gather(in, out, count, layout.dtype, name);
    case CallKind::kAllToAll:
      return group.all_to_all(in, out, count, layout.dtype, name);
    case CallKind::kSendReceive: {
      const int next = (group.rank() + 1) % group.size();
      const int previous = (group.rank() + group.size() - 1) % group.size();
      return group.send_receive(in, next, out, previous, count, layout.dtype, name);
    }
    default:
      break;
  }
  TUTTI_CHECK(false, "{} of %{}", call_name(layout.kind), name);
}

// The axes of all programs, in one order for all ranks.
std::map<AxisList, std::vector<Call>> calls_by_axes(const std::vector<const Program*>& programs) {
  std::map<AxisList, std::vector<Call>> result;
  for (const Program* program : programs) {
    for (GroupCalls& group : step_calls(*program)) {
      std::vector<Call>& calls = result[group.axes];
      calls.insert(calls.end(), group.calls.begin(), group.calls.end());
    }
  }
  return result;
}

}  // namespace

Status run_collective(Communicator& group, const CollectiveLayout& layout, const void* in,
                      void* out, char* workspace, std::string_view name) {
  const int64_t piece = layout.count * static_cast<int64_t>(dtype_bytes(layout.dtype));
  const void* from = in;
  void* to = out;
  if (layout.in_dim >= 0) {
    for (int64_t p = 0; p < layout.parts; ++p) {
      pack_piece(in, layout.in_sizes, layout.in_dim, layout.parts, p, layout.dtype,
                 workspace + p * piece);
    }
    from = workspace;
    workspace += aligned(layout.pieces_bytes());
  }
  if (layout.out_dim >= 0 || layout.adds) to = workspace;
  TUTTI_TRY(exchange(group, layout, from, to, name));
  if (layout.adds) {
    const void* const addends[] = {out, to};
    void* const sum[] = {out};
    reduce_elements(layout.dtype, Reduce::kSum, addends, sum, layout.count);
  }
  if (layout.out_dim < 0) return {};
  for (int64_t p = 0; p < layout.parts; ++p) {
    unpack_piece(workspace + p * piece, layout.out_sizes, layout.out_dim, layout.parts, p,
                 layout.dtype, out);
  }
  return {};
}

Result<std::unique_ptr<Collectives>> Collectives::create(
    World& world, const std::vector<const Program*>& programs, SpanRecorder* spans) {
  auto result = std::make_unique<Collectives>();
  const Mesh& mesh = programs.front()->mesh;
  for (const auto& [axes, calls] : calls_by_axes(programs)) {
    const std::string name = to_string(axes);
    TUTTI_ASSIGN(result->groups_[name], make_group_lane(world, mesh.group(world.rank(), axes), name,
                                                        calls, "comm " + name, spans));
  }
  result->before_ = result->sent();
  return result;
}

GroupLane& Collectives::group_of(const Instruction& instruction) {
  const auto found = groups_.find(instruction.lane_name());
  TUTTI_CHECK(found != groups_.end(), "{}", instruction.lane_name());
  return found->second;
}

LaneJob Collectives::job(const BoundInstruction& bound, const KernelCall& call) {
  GroupLane& group = group_of(*bound.instruction);
  const CollectiveLayout layout = collective_layout(call, call.adds_to(0));
  return {group.lane,
          [&group, layout, in = call.inputs[0].data, out = call.outputs[0].data,
           workspace = static_cast<char*>(call.workspace), name = std::string_view(bound.name)] {
            return run_collective(*group.communicator, layout, in, out, workspace, name);
          }};
}

WireCount Collectives::sent() const {
  WireCount total;
  for (const auto& [name, group] : groups_) total += group.communicator->sent();
  return total -= before_;
}

}  // namespace tutti
