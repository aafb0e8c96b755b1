// The backward pass as a graph transform. It knows nothing of single ops: each brings its own
// gradient rule.
//
// For every parameter that the loss depends on, each use of it gets an accumulator and an
// `accumulate` op of the body. Gradients of a value that is used more than once are added. Ops that
// only feed accumulators are marked Phase::kBackwardWeight, so that a schedule can run them apart.
#pragma once

#include <vector>

#include "base/status.h"
#include "ir/builder.h"
#include "ops/op_def.h"

namespace tutti {

struct ParameterGradients {
  ValueId parameter;
  std::vector<ValueId> accumulators;  // one for each use
};

// Appends the backward ops to the body. `seed` is the gradient of `loss` (a scalar of its type).
// The result is in the order in which the graph declares its parameters.
Result<std::vector<ParameterGradients>> differentiate(GraphBuilder& builder, const OpTable& ops,
                                                      ValueId loss, ValueId seed);

}  // namespace tutti
