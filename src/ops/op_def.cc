#include "ops/op_def.h"

#include <algorithm>

#include "ir/text.h"
#include "ops/all_ops.h"

namespace tutti {

std::string OpInputs::where() const {
  std::string text = fmt::format("{} of", op_name(op_.kind));
  for (size_t i = 0; i < count(); ++i) text += fmt::format("{} %{}", i == 0 ? "" : ",", name(i));
  return text;
}

Status OpInputs::expect_count(size_t least, size_t most) const {
  if (count() >= least && count() <= most) return {};
  return invalid("{}: {} inputs, expected {}", where(), count(),
                 least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most));
}

Status OpInputs::expect_dtype(size_t i, DType dtype) const {
  if (type(i).dtype == dtype) return {};
  return invalid("{}: %{} is {}, expected {}", where(), name(i), dtype_name(type(i).dtype),
                 dtype_name(dtype));
}

Status OpInputs::expect_same_type(size_t i, size_t j) const {
  if (type(i) == type(j)) return {};
  return invalid("{}: %{} is {} but %{} is {}", where(), name(i), to_string(type(i), {}), name(j),
                 to_string(type(j), {}));
}

Status OpInputs::expect_suffix(size_t i, std::span<const Dim> suffix) const {
  const auto& all = dims(i);
  const bool fits =
      all.size() >= suffix.size() &&
      std::equal(suffix.begin(), suffix.end(), all.end() - static_cast<int64_t>(suffix.size()));
  if (fits) return {};
  const ValueType wanted{type(i).dtype, {suffix.begin(), suffix.end()}};
  return invalid("{}: %{} is {}, expected it to end with {}", where(), name(i),
                 to_string(type(i), {}), to_string(wanted, {}));
}

Status OpInputs::expect_dims(size_t i, std::span<const Dim> wanted) const {
  if (std::equal(wanted.begin(), wanted.end(), dims(i).begin(), dims(i).end())) return {};
  const ValueType expected{type(i).dtype, {wanted.begin(), wanted.end()}};
  return invalid("{}: %{} is {}, expected {}", where(), name(i), to_string(type(i), {}),
                 to_string(expected, {}));
}

Status OpInputs::expect_order(const Dim& dim) const {
  const int64_t parts = op().attributes.get_int("order", 1);
  if (parts == 1 || (parts > 1 && dim.size % (2 * parts) == 0)) return {};
  return invalid("{}: {} = {} with order = {}, expected order >= 1 and {} to be a multiple of {}",
                 where(), dim.name, dim.size, parts, dim.name, 2 * std::max<int64_t>(1, parts));
}

OpTable::OpTable() : defs_(all_ops()) {
  std::sort(defs_.begin(), defs_.end(),
            [](const OpDef& a, const OpDef& b) { return a.kind < b.kind; });
  for (size_t i = 0; i < kOpKindCount; ++i) {
    TUTTI_CHECK(i < defs_.size() && static_cast<size_t>(defs_[i].kind) == i,
                "the table of ops has no row, or two, for {}", kOpNames[i]);
  }
}

Result<std::vector<ValueType>> OpTable::infer(const Graph& graph, const Op& op) const {
  return (*this)[op.kind].infer(OpInputs(graph, op));
}

double op_flops(const OpTable& ops, const Graph& graph, const Op& op) {
  const bool moves = is_communication(op.kind) || is_copy(op.kind) || ops[op.kind].view;
  if (moves || op.outputs.empty()) return 0;
  if (ops[op.kind].flops != nullptr) return ops[op.kind].flops(graph, op);
  return local_count(graph, op.outputs[0]);
}

double op_bytes(const Graph& graph, const Op& op) {
  double bytes = 0;
  for (ValueId id : op.inputs) bytes += static_cast<double>(local_bytes(graph.value(id)));
  for (ValueId id : op.outputs) bytes += static_cast<double>(local_bytes(graph.value(id)));
  return bytes;
}

std::vector<Dim> without(const std::vector<Dim>& dims, const std::vector<std::string>& names) {
  std::vector<Dim> rest;
  for (const Dim& dim : dims) {
    if (std::find(names.begin(), names.end(), dim.name) == names.end()) rest.push_back(dim);
  }
  return rest;
}

std::vector<Dim> only(const std::vector<Dim>& dims, const std::vector<std::string>& names) {
  std::vector<Dim> kept;
  for (const Dim& dim : dims) {
    if (std::find(names.begin(), names.end(), dim.name) != names.end()) kept.push_back(dim);
  }
  return kept;
}

std::vector<std::string> dim_names(const std::vector<Dim>& dims) {
  std::vector<std::string> names;
  for (const Dim& dim : dims) names.push_back(dim.name);
  return names;
}

double local_count(const Graph& graph, ValueId id) {
  return static_cast<double>(local_elements(graph.value(id)));
}

}  // namespace tutti
