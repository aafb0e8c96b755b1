#include "program/stored.h"

#include <algorithm>
#include <set>

#include "base/status.h"
#include "program/compile.h"

namespace tutti {
namespace {

StoredParameter named(const std::string& name) {
  StoredParameter parameter;
  parameter.name = without_stage(name);
  parameter.replica = is_at_stage(name);
  return parameter;
}

// The bucket behind a view: the view's operand, or what was gathered and fetched into it.
const Buffer& bucket_of(const Program& program, const Body& body, BufferId source) {
  const Buffer& buffer = program.buffer(source);
  if (buffer.role == Role::kParameter) return buffer;
  for (const Instruction& i : body.instructions) {
    const bool brings = i.kind == OpKind::kAllGather || i.kind == OpKind::kFetch;
    if (brings && i.outputs[0] == source) return bucket_of(program, body, i.inputs[0]);
  }
  TUTTI_CHECK(false, "%{} is no bucket", buffer.name);
}

StoredParameter in_bucket(const Program& program, const Body& body, const Instruction& view) {
  const Buffer& shown = program.buffer(view.outputs[0]);
  StoredParameter parameter = named(view.attributes.get_string("of"));
  parameter.type = shown.type;
  parameter.placement = shown.placement;
  parameter.buffer = bucket_of(program, body, view.inputs[0]).name;
  parameter.offset = view.attributes.get_int("offset");
  parameter.bucket_elements = program.buffer(view.inputs[0]).elements();
  return parameter;
}

bool is_bucket(const Buffer& buffer) {
  return buffer.type.dims.size() == 1 && buffer.type.dims[0].name == "elements";
}

bool is_first(const Mesh& mesh, int rank, const AxisList& cut) {
  for (const AxisName& entry : kAxes) {
    if (entry.axis == Axis::kPp) continue;
    // What is left of an axis that is cut by a factor replicates along the rest of it.
    int64_t remaining = mesh.size(entry.axis);
    int64_t coordinate = mesh.coordinate(rank, entry.axis);
    for (const MeshAxis& axis : cut) {
      if (axis.axis != entry.axis) continue;
      coordinate -= mesh.coordinate(rank, axis) * axis.stride;
      remaining /= axis.size;
    }
    if (remaining > 1 && coordinate != 0) return false;
  }
  return true;
}

}  // namespace

std::vector<StoredParameter> stored_parameters(const Program& program) {
  std::vector<StoredParameter> found;
  std::set<std::string> known;
  for (const Body& body : program.bodies) {
    for (const Instruction& i : body.instructions) {
      // Pieces in the optimizer are views, too, but of no parameter.
      if (i.kind != OpKind::kBucketView || !i.attributes.has("of")) continue;
      if (!known.insert(i.attributes.get_string("of")).second) continue;
      found.push_back(in_bucket(program, body, i));
    }
  }
  for (const Buffer& buffer : program.buffers) {
    if (buffer.role != Role::kParameter || is_bucket(buffer)) continue;
    StoredParameter parameter = named(buffer.name);
    parameter.type = buffer.type;
    parameter.placement = buffer.placement;
    parameter.buffer = buffer.name;
    found.push_back(std::move(parameter));
  }
  return found;
}

StoredRange stored_range(const Program& program, const StoredParameter& parameter,
                         const Buffer& buffer, int rank) {
  Buffer local;
  local.type = parameter.type;
  local.placement = parameter.placement;
  const Operand whole = operand_of(local, program.mesh, rank);
  StoredRange range;
  range.sizes = whole.sizes;
  range.offsets = whole.offsets;
  range.end = whole.count();
  range.location = locate(program, buffer, rank, 0, {});
  AxisList cut = shard_axes(parameter.placement);
  if (parameter.bucket_elements > 0) {
    const Operand held = operand_of(buffer, program.mesh, rank);
    const int64_t first = held.offsets[0] % parameter.bucket_elements;
    const int64_t at = parameter.offset - first;  // of the parameter in what is held
    range.begin = std::clamp<int64_t>(-at, 0, whole.count());
    range.end = std::clamp<int64_t>(held.sizes[0] - at, range.begin, whole.count());
    range.location.offset +=
        (at + range.begin) * static_cast<int64_t>(dtype_bytes(parameter.type.dtype));
    cut = shard_axes(buffer.placement);
  }
  range.first_replica = !parameter.replica && is_first(program.mesh, rank, cut);
  return range;
}

int64_t logical_index(const StoredParameter& parameter, const StoredRange& range, int64_t local) {
  int64_t index = 0, stride = 1;
  for (size_t d = range.sizes.size(); d-- > 0;) {
    index += (local % range.sizes[d] + range.offsets[d]) * stride;
    local /= range.sizes[d];
    stride *= parameter.type.dims[d].size;
  }
  return index;
}

}  // namespace tutti
