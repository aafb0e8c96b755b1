#include "autodiff/differentiate.h"

#include <algorithm>

namespace tutti {
namespace {

class Differentiator {
 public:
  Differentiator(GraphBuilder& builder, const OpTable& ops)
      : builder_(builder), ops_(ops), forward_ops_(builder.graph().ops.size()) {}

  Result<std::vector<ParameterGradients>> run(ValueId loss, ValueId seed) {
    mark_active();
    if (!active(loss)) {
      return invalid("the loss %{} depends on no parameter", builder_.name(loss));
    }
    contributions_.resize(builder_.graph().values.size());
    contributions_[index(loss)] = {seed};
    builder_.region = Region::kBody;
    builder_.phase = Phase::kBackwardInput;
    for (size_t i = forward_ops_; i-- > 0;) {
      if (builder_.graph().ops[i].region == Region::kBody) backward(i);
    }
    std::vector<ParameterGradients> result = accumulate_parameters();
    TUTTI_TRY(builder_.status());
    mark_weight_phase();
    return result;
  }

 private:
  static size_t index(ValueId id) { return static_cast<size_t>(id.index); }
  bool active(ValueId id) const { return index(id) < active_.size() && active_[index(id)]; }

  // A value is active when a parameter reaches it through differentiable ops.
  void mark_active() {
    const Graph& graph = builder_.graph();
    active_.assign(graph.values.size(), false);
    for (size_t i = 0; i < graph.values.size(); ++i) {
      active_[i] = graph.values[i].role == Role::kParameter;
    }
    for (const Op& op : graph.ops) {
      if (op.region != Region::kBody || ops_[op.kind].gradient == nullptr) continue;
      const bool any = std::any_of(op.inputs.begin(), op.inputs.end(),
                                   [&](ValueId id) { return active(id); });
      for (ValueId id : op.outputs) active_[index(id)] = active_[index(id)] || any;
    }
  }

  // The gradient of a value, once all its consumers were handled: the sum of what they gave.
  ValueId total(ValueId id) {
    auto& parts = contributions_[index(id)];
    if (parts.empty()) return ValueId();
    ValueId sum = parts[0];
    for (size_t i = 1; i < parts.size(); ++i) {
      sum = builder_.emit(OpKind::kAdd, {sum, parts[i]}, {}, builder_.name(id) + ".grad");
    }
    parts = {sum};
    return sum;
  }

  void backward(size_t op_index) {
    const Op op = builder_.graph().ops[op_index];
    const OpDef& def = ops_[op.kind];
    if (def.gradient == nullptr) return;
    builder_.block = op.block;
    builder_.stage = op.stage;
    std::vector<bool> wanted;
    for (ValueId id : op.inputs) wanted.push_back(active(id));
    if (std::none_of(wanted.begin(), wanted.end(), [](bool w) { return w; })) return;
    std::vector<ValueId> output_grads;
    for (ValueId id : op.outputs) output_grads.push_back(total(id));
    const bool flows = std::any_of(output_grads.begin(), output_grads.end(),
                                   [](ValueId id) { return id.valid(); });
    if (!flows) return;
    GradientContext context{builder_, op, output_grads,
                            std::vector<ValueId>(op.inputs.size()), wanted};
    def.gradient(context);
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      if (!wanted[i] || !context.input_grads[i].valid()) continue;
      contributions_[index(op.inputs[i])].push_back(context.input_grads[i]);
      if (builder_.graph().value(op.inputs[i]).role == Role::kParameter) {
        accumulate(op.inputs[i], context.input_grads[i]);
      }
    }
  }

  void accumulate(ValueId parameter, ValueId grad) {
    const ValueType type = builder_.type(parameter);
    const ValueId accumulator = builder_.declare(Role::kAccumulator, builder_.name(parameter) + ".acc",
                                                 type.dtype, type.dims);
    builder_.emit_update(OpKind::kAccumulate, accumulator, {accumulator, grad}, {});
    accumulators_.push_back({parameter, {accumulator}});
  }

  std::vector<ParameterGradients> accumulate_parameters() {
    std::vector<ParameterGradients> result;
    for (size_t i = 0; i < active_.size(); ++i) {
      const ValueId id(static_cast<int64_t>(i));
      if (builder_.graph().value(id).role != Role::kParameter) continue;
      ParameterGradients entry{id, {}};
      for (const ParameterGradients& use : accumulators_) {
        if (use.parameter == id) entry.accumulators.push_back(use.accumulators[0]);
      }
      if (!entry.accumulators.empty()) result.push_back(std::move(entry));
    }
    return result;
  }

  void mark_weight_phase() {
    Graph& graph = builder_.graph();
    const auto readers = consumers(graph);
    for (size_t i = graph.ops.size(); i-- > forward_ops_;) {
      Op& op = graph.ops[i];
      bool only_weights = true;
      for (ValueId output : op.outputs) {
        if (op.kind == OpKind::kAccumulate) break;
        only_weights = only_weights && !readers[index(output)].empty();
        for (OpId reader : readers[index(output)]) {
          only_weights = only_weights && graph.op(reader).kind == OpKind::kAccumulate;
        }
      }
      if (only_weights) op.phase = Phase::kBackwardWeight;
    }
  }

  GraphBuilder& builder_;
  const OpTable& ops_;
  size_t forward_ops_;
  std::vector<bool> active_;                          // by value
  std::vector<std::vector<ValueId>> contributions_;   // by value of the forward part
  std::vector<ParameterGradients> accumulators_;      // one per use, in backward order
};

}  // namespace

Result<std::vector<ParameterGradients>> differentiate(GraphBuilder& builder, const OpTable& ops,
                                                      ValueId loss, ValueId seed) {
  return Differentiator(builder, ops).run(loss, seed);
}

}  // namespace tutti
