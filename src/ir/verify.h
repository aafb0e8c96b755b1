// The rules that every graph keeps, checked before and after every pass.
#pragma once

#include <span>
#include <vector>

#include "base/status.h"
#include "ir/graph.h"

namespace tutti {

// What the verifier and the builder ask of the ops (implemented by ops/).
class TypeRules {
 public:
  virtual ~TypeRules() = default;
  // The types of an op's outputs. Fails, naming the op and the value, when inputs do not fit.
  virtual Result<std::vector<ValueType>> infer(const Graph& graph, const Op& op) const = 0;
};

// Names are unique; no value has a dim twice or an axis twice; cuts divide sizes; every input is
// made before it is read; regions come in order; types are what the ops infer; an update has the
// type of the storage that it overwrites. The message names the first op or value that is wrong.
Status verify(const Graph& graph, const TypeRules& rules);

}  // namespace tutti
