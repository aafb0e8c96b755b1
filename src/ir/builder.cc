#include "ir/builder.h"

namespace tutti {

GraphBuilder::GraphBuilder(Graph& graph, const TypeRules& rules) : graph_(graph), rules_(rules) {
  for (const Value& value : graph.values) names_[value.name] = 1;
}

std::string GraphBuilder::unique_name(std::string name) {
  int& count = names_[name];
  if (++count == 1) return name;
  return unique_name(fmt::format("{}#{}", name, count));
}

void GraphBuilder::scope_of(const Op& op) {
  region = op.region;
  phase = op.phase;
  block = op.block;
  stage = op.stage;
  when = op.when;
}

ValueId GraphBuilder::declare(Role role, std::string name, DType dtype, std::vector<Dim> dims) {
  Value value;
  value.name = unique_name(std::move(name));
  value.type = {dtype, std::move(dims)};
  value.placement = replicated(value.type.dims.size());
  value.role = role;
  value.stage = stage;
  return graph_.add_value(std::move(value));
}

std::vector<ValueId> GraphBuilder::emit(OpKind kind, std::vector<ValueId> inputs,
                                        Attributes attributes, std::vector<std::string> names) {
  Op op;
  op.kind = kind;
  op.attributes = std::move(attributes);
  op.inputs = std::move(inputs);
  op.region = region;
  op.phase = phase;
  op.block = block;
  op.stage = stage;
  op.when = when;
  Result<std::vector<ValueType>> types = rules_.infer(graph_, op);
  if (!types.ok() && status_.ok()) {
    status_ = invalid("{} (while making %{})", types.message(), names.empty() ? "?" : names[0]);
  }
  for (size_t i = 0; i < names.size(); ++i) {
    Value value;
    value.name = unique_name(std::move(names[i]));
    if (types.ok() && i < types->size()) value.type = (*types)[i];
    value.placement = replicated(value.type.dims.size());
    value.stage = stage;
    op.outputs.push_back(graph_.add_value(std::move(value)));
  }
  std::vector<ValueId> outputs = op.outputs;
  graph_.ops.push_back(std::move(op));
  return outputs;
}

ValueId GraphBuilder::emit(OpKind kind, std::vector<ValueId> inputs, Attributes attributes,
                           std::string name) {
  return emit(kind, std::move(inputs), std::move(attributes),
              std::vector<std::string>{std::move(name)})[0];
}

ValueId GraphBuilder::emit_update(OpKind kind, ValueId updated, std::vector<ValueId> inputs,
                                  Attributes attributes) {
  const ValueId id = emit(kind, std::move(inputs), std::move(attributes), name(updated) + ".next");
  graph_.value(id).updates = updated;
  return id;
}

}  // namespace tutti
