#include "ir/verify.h"

#include <unordered_set>

#include "ir/text.h"

namespace tutti {
namespace {

Status verify_value(const Value& value) {
  const auto& dims = value.type.dims;
  for (size_t d = 0; d < dims.size(); ++d) {
    if (dim_index(dims, dims[d].name) != static_cast<int>(d)) {
      return invalid("value %{} has dim {} twice", value.name, dims[d].name);
    }
  }
  const Placement& placement = value.placement;
  if (!well_formed(placement)) {
    return invalid("value %{} names a mesh axis twice: {}", value.name,
                   to_string(value.type, placement));
  }
  if (placement.dims.size() > dims.size()) {
    return invalid("value %{} has {} dims but a placement of {}", value.name, dims.size(),
                   placement.dims.size());
  }
  for (size_t d = 0; d < placement.dims.size(); ++d) {
    const int64_t parts = group_size(placement.dims[d]);
    if (dims[d].size != kSymbolic && dims[d].size % parts != 0) {
      return invalid("value %{}: dim {} of size {} cannot be cut in {} parts ({})", value.name,
                     dims[d].name, dims[d].size, parts, to_string(placement.dims[d]));
    }
  }
  return {};
}

Status verify_types(const Graph& graph, const Op& op, const TypeRules& rules) {
  TUTTI_ASSIGN(const std::vector<ValueType> types, rules.infer(graph, op));
  if (types.size() != op.outputs.size()) {
    return invalid("{} %{} has {} outputs, expected {}", op_name(op.kind), graph.op_label(op),
                   op.outputs.size(), types.size());
  }
  for (size_t i = 0; i < types.size(); ++i) {
    const Value& value = graph.value(op.outputs[i]);
    if (value.type != types[i]) {
      return invalid("{} makes %{} as {}, its type is {}", op_name(op.kind), value.name,
                     to_string(types[i], {}), to_string(value.type, {}));
    }
    const bool part = op.kind == OpKind::kStore;  // of what it updates
    if (value.updates.valid() && !part && graph.value(value.updates).type != value.type) {
      return invalid("%{} updates %{} but has another type: {}, expected {}", value.name,
                     graph.value(value.updates).name, to_string(value.type, {}),
                     to_string(graph.value(value.updates).type, {}));
    }
  }
  return {};
}

Status verify_offloaded(const Graph& graph, const Op& op) {
  for (ValueId id : op.inputs) {
    if (graph.value(id).offloaded == (op.kind == OpKind::kFetch)) continue;
    return invalid("{} %{} reads %{}, which is {}offloaded", op_name(op.kind), graph.op_label(op),
                   graph.value(id).name, graph.value(id).offloaded ? "" : "not ");
  }
  for (ValueId id : op.outputs) {
    if (graph.value(id).offloaded == (op.kind == OpKind::kStore)) continue;
    return invalid("{} makes %{}, which is {}offloaded", op_name(op.kind), graph.value(id).name,
                   graph.value(id).offloaded ? "" : "not ");
  }
  return {};
}

}  // namespace

Status verify(const Graph& graph, const TypeRules& rules) {
  std::unordered_set<std::string_view> names;
  std::vector<bool> defined(graph.values.size(), false);
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    if (!names.insert(value.name).second) return invalid("two values are called %{}", value.name);
    TUTTI_TRY(verify_value(value));
    defined[i] = value.role != Role::kTemporary;
  }
  Region region = Region::kPrologue;
  for (const Op& op : graph.ops) {
    if (op.region < region) {
      return invalid("op %{} of the {} comes after the {}", graph.op_label(op),
                     region_name(op.region), region_name(region));
    }
    region = op.region;
    for (ValueId id : op.inputs) {
      if (!id.valid() || !defined[static_cast<size_t>(id.index)]) {
        return invalid("{} %{} reads {} before it is made", op_name(op.kind), graph.op_label(op),
                       id.valid() ? "%" + graph.value(id).name : "no value");
      }
    }
    TUTTI_TRY(verify_types(graph, op, rules));
    TUTTI_TRY(verify_offloaded(graph, op));
    for (ValueId id : op.outputs) {
      if (defined[static_cast<size_t>(id.index)]) {
        return invalid("%{} is made twice", graph.value(id).name);
      }
      defined[static_cast<size_t>(id.index)] = true;
    }
  }
  return {};
}

}  // namespace tutti
