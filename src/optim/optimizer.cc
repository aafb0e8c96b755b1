#include "optim/optimizer.h"

namespace tutti {
namespace {

// The gradient of a parameter over all its uses.
ValueId total_gradient(GraphBuilder& builder, const ParameterGradients& gradients) {
  if (gradients.accumulators.size() == 1) return gradients.accumulators[0];
  std::vector<std::string> names;
  for (ValueId id : gradients.accumulators) names.push_back(builder.name(id) + ".sum");
  return builder.emit(OpKind::kReplicaSum, gradients.accumulators, {}, names)[0];
}

}  // namespace

OptimizerOutputs add_adamw(GraphBuilder& builder, const std::vector<ParameterGradients>& gradients,
                           const std::vector<bool>& decayed, const OptimizerOptions& options) {
  builder.region = Region::kEpilogue;
  builder.phase = Phase::kForward;
  builder.block = -1;
  builder.stage = kEveryStage;
  const ValueId lr = builder.declare(Role::kScalar, "lr", DType::kF32, {});
  const ValueId correction1 = builder.declare(Role::kScalar, "bias_correction1", DType::kF32, {});
  const ValueId correction2 = builder.declare(Role::kScalar, "bias_correction2", DType::kF32, {});

  std::vector<ValueId> totals;
  for (const ParameterGradients& entry : gradients) totals.push_back(total_gradient(builder, entry));
  const ValueId squares = builder.emit(OpKind::kSumSquares, totals, {}, "grad_squares");
  const std::vector<ValueId> clip =
      builder.emit(OpKind::kClipFactor, {squares}, {{"max_norm", options.grad_clip}},
                   std::vector<std::string>{"clip_factor", "grad_norm", "skip"});

  for (size_t i = 0; i < gradients.size(); ++i) {
    const ValueId parameter = gradients[i].parameter;
    const std::string name = builder.name(parameter);
    const ValueType type = builder.type(parameter);
    const ValueId m = builder.declare(Role::kState, name + ".m", type.dtype, type.dims);
    const ValueId v = builder.declare(Role::kState, name + ".v", type.dtype, type.dims);
    const double decay = decayed[i] ? options.weight_decay : 0.0;
    const std::vector<ValueId> next = builder.emit(
        OpKind::kAdamW,
        {parameter, m, v, totals[i], clip[0], clip[2], lr, correction1, correction2},
        {{"beta1", options.beta1},
         {"beta2", options.beta2},
         {"epsilon", options.epsilon},
         {"weight_decay", decay}},
        std::vector{name + ".next", name + ".m.next", name + ".v.next"});
    builder.graph().value(next[0]).updates = parameter;
    builder.graph().value(next[1]).updates = m;
    builder.graph().value(next[2]).updates = v;
  }
  return {clip[1], clip[2]};
}

}  // namespace tutti
