#include "ir/graph.h"

#include <fmt/format.h>

#include <array>
#include <unordered_set>

#include "base/status.h"

namespace tutti {
namespace {

constexpr std::array<std::string_view, 6> kRoleNames = {"temporary", "input", "scalar",
                                                        "param",     "state", "accumulator"};

}  // namespace

int dim_index(const std::vector<Dim>& dims, std::string_view name) {
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

int64_t element_count(const std::vector<Dim>& dims) {
  int64_t count = 1;
  for (const Dim& dim : dims) count *= dim.size;
  return count;
}

std::string_view role_name(Role role) { return kRoleNames[static_cast<size_t>(role)]; }

std::string_view region_name(Region region) {
  constexpr std::array<std::string_view, 3> kNames = {"prologue", "body", "epilogue"};
  return kNames[static_cast<size_t>(region)];
}

std::string_view phase_name(Phase phase) {
  constexpr std::array<std::string_view, 3> kNames = {"F", "Bi", "Bw"};
  return kNames[static_cast<size_t>(phase)];
}

std::string name_at_stage(std::string_view name, int stage) {
  return fmt::format("{}@{}", name, stage);
}

std::string_view without_stage(std::string_view name) { return name.substr(0, name.find('@')); }

bool is_at_stage(std::string_view name) { return name.find('@') != std::string_view::npos; }

ValueId Graph::find(std::string_view value_name) const {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].name == value_name) return ValueId(static_cast<int64_t>(i));
  }
  return ValueId();
}

ValueId Graph::add_value(Value value) {
  values.push_back(std::move(value));
  return ValueId(static_cast<int64_t>(values.size()) - 1);
}

const std::string& Graph::op_label(const Op& op) const {
  static const std::string kNoOutput = "(no output)";
  return op.outputs.empty() ? kNoOutput : value(op.outputs[0]).name;
}

std::vector<OpId> producers(const Graph& graph) {
  std::vector<OpId> result(graph.values.size());
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    for (ValueId id : graph.ops[i].outputs) {
      result[static_cast<size_t>(id.index)] = OpId(static_cast<int64_t>(i));
    }
  }
  return result;
}

std::vector<std::vector<OpId>> consumers(const Graph& graph) {
  std::vector<std::vector<OpId>> result(graph.values.size());
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    for (ValueId id : graph.ops[i].inputs) {
      auto& ops = result[static_cast<size_t>(id.index)];
      const OpId op(static_cast<int64_t>(i));
      if (ops.empty() || ops.back() != op) ops.push_back(op);
    }
  }
  return result;
}

std::vector<int64_t> local_sizes(const Value& value) {
  std::vector<int64_t> sizes;
  for (size_t d = 0; d < value.type.dims.size(); ++d) {
    int64_t size = value.type.dims[d].size;
    if (d < value.placement.dims.size()) size /= group_size(value.placement.dims[d]);
    sizes.push_back(size);
  }
  return sizes;
}

int64_t local_elements(const Value& value) {
  int64_t elements = 1;
  for (int64_t size : local_sizes(value)) elements *= size;
  return elements;
}

int64_t local_bytes(const Value& value) {
  return local_elements(value) * static_cast<int64_t>(dtype_bytes(value.type.dtype));
}

int64_t offset_bytes(const Attributes& attributes, DType dtype) {
  return attributes.get_int("offset") * static_cast<int64_t>(dtype_bytes(dtype));
}

void bind_dim(Graph& graph, std::string_view name, int64_t size) {
  for (Value& value : graph.values) {
    for (Dim& dim : value.type.dims) {
      if (dim.name == name && dim.size == kSymbolic) dim.size = size;
    }
  }
}

}  // namespace tutti
