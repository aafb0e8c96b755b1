// Appends ops to a graph, inferring the types of their outputs. Model builders, gradient rules and
// passes all write graphs through it. A mistake in the use of an op is recorded, not thrown: the
// builder goes on with empty types, and status() returns the first error.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"
#include "ir/verify.h"

namespace tutti {

class GraphBuilder {
 public:
  // `graph` and `rules` must outlive the builder.
  GraphBuilder(Graph& graph, const TypeRules& rules);

  // Where the ops that follow belong.
  Region region = Region::kBody;
  Phase phase = Phase::kForward;
  int block = -1;
  int stage = kEveryStage;
  When when = When::kEach;

  // From here on, where `op` is.
  void scope_of(const Op& op);

  Graph& graph() { return graph_; }
  const Status& status() const { return status_; }
  const ValueType& type(ValueId id) const { return graph_.value(id).type; }
  const std::string& name(ValueId id) const { return graph_.value(id).name; }

  ValueId declare(Role role, std::string name, DType dtype, std::vector<Dim> dims);

  // Appends an op. Output i is called names[i]; a name that is taken gets a suffix "#2", "#3", ...
  std::vector<ValueId> emit(OpKind kind, std::vector<ValueId> inputs, Attributes attributes,
                            std::vector<std::string> names);
  // The same for an op with one output.
  ValueId emit(OpKind kind, std::vector<ValueId> inputs, Attributes attributes, std::string name);
  // An op whose output overwrites the storage of `updated`.
  ValueId emit_update(OpKind kind, ValueId updated, std::vector<ValueId> inputs,
                      Attributes attributes);

  std::string unique_name(std::string name);

 private:
  Graph& graph_;
  const TypeRules& rules_;
  Status status_;
  std::unordered_map<std::string, int> names_;  // how often each name was asked for
};

}  // namespace tutti
