#include <fmt/format.h>

#include "ir/text.h"

namespace tutti {
namespace {

std::string stage_suffix(int stage) {
  return stage == kEveryStage ? "" : fmt::format(" stage={}", stage);
}

std::string name_list(const Graph& graph, const std::vector<ValueId>& ids) {
  std::string text;
  for (ValueId id : ids) {
    if (!text.empty()) text += ", ";
    text += '%';
    text += graph.value(id).name;
  }
  return text;
}

std::string output_text(const Value& value, const Graph& graph) {
  std::string text = fmt::format("%{}: {}", value.name, to_string(value.type, value.placement));
  if (value.updates.valid()) text += fmt::format(" updates %{}", graph.value(value.updates).name);
  if (value.offloaded) text += " offloaded";
  return text;
}

}  // namespace

std::string to_string(const ValueType& type, const Placement& placement) {
  std::string text(dtype_name(type.dtype));
  text += '[';
  for (size_t d = 0; d < type.dims.size(); ++d) {
    if (d > 0) text += ", ";
    const Dim& dim = type.dims[d];
    text += dim.name;
    text += dim.size == kSymbolic ? "=?" : fmt::format("={}", dim.size);
    if (d < placement.dims.size() && !placement.dims[d].empty()) {
      text += '@' + to_string(placement.dims[d]);
    }
  }
  text += ']';
  if (placement.is_partial()) {
    text += fmt::format("+{}({})", placement.reduce == Reduce::kSum ? "sum" : "max",
                        to_string(placement.partial));
  }
  return text;
}

std::string print(const Graph& graph, const Op& op) {
  std::string text(op.region == Region::kBody ? phase_name(op.phase) : std::string_view("-"));
  for (size_t i = 0; i < op.outputs.size(); ++i) {
    const Value& value = graph.value(op.outputs[i]);
    text += (i == 0 ? " " : ", ") + output_text(value, graph);
    // An op that spans stages (transfer) makes values on other stages than its own.
    if (value.stage != op.stage) text += stage_suffix(value.stage);
  }
  text += fmt::format(" = {}({})", op_name(op.kind), name_list(graph, op.inputs));
  if (!op.attributes.empty()) {
    text += " {";
    for (const auto& [name, value] : op.attributes.entries()) {
      if (text.back() != '{') text += ", ";
      text += name + "=" + to_string(value);
    }
    text += '}';
  }
  text += stage_suffix(op.stage);
  if (op.block >= 0) text += fmt::format(" block={}", op.block);
  if (op.accumulation == Accumulation::kAfterFirst) text += " add=after_first";
  if (op.accumulation == Accumulation::kAlways) text += " add=always";
  if (op.when == When::kLast) text += " when=last";
  return text;
}

std::string print(const Graph& graph) {
  std::string text = fmt::format("graph {}\n", graph.name);
  for (const Value& value : graph.values) {
    if (value.role == Role::kTemporary) continue;
    text += fmt::format("{} %{}: {}{}{}\n", role_name(value.role), value.name,
                        to_string(value.type, value.placement), value.offloaded ? " offloaded" : "",
                        stage_suffix(value.stage));
  }
  const Region* region = nullptr;
  for (const Op& op : graph.ops) {
    if (region == nullptr || *region != op.region)
      text += fmt::format("{}\n", region_name(op.region));
    region = &op.region;
    text += "  " + print(graph, op) + "\n";
  }
  for (ValueId id : graph.outputs) text += fmt::format("output %{}\n", graph.value(id).name);
  return text;
}

}  // namespace tutti
