#include "models/step_graph.h"

namespace tutti {
namespace {

// The inverse of the number of labelled tokens of the step: it seeds every backward pass, so that
// uneven counts are right in every layout.
ValueId inverse_token_count(GraphBuilder& builder, const BuildOptions& options) {
  builder.region = Region::kPrologue;
  const ValueId labels =
      builder.declare(Role::kInput, "all_labels", DType::kI32,
                      {{"microbatch", kSymbolic}, {"batch", options.batch}, {"seq", options.seq}});
  const ValueId count = builder.emit(OpKind::kCountLabels, {labels}, {}, "token_count");
  const ValueId inverse = builder.emit(OpKind::kReciprocal, {count}, {}, "inverse_token_count");
  builder.region = Region::kBody;
  return inverse;
}

ValueId accumulate_loss(GraphBuilder& builder, ValueId loss, int block) {
  builder.block = block;
  const ValueId sum = builder.declare(Role::kAccumulator, "loss_sum.acc", DType::kF32, {});
  builder.emit_update(OpKind::kAccumulate, sum, {sum, loss}, {});
  return sum;
}

ValueId mean_loss(GraphBuilder& builder, ValueId sum, ValueId inverse) {
  builder.region = Region::kEpilogue;
  builder.phase = Phase::kForward;
  builder.block = -1;
  return builder.emit(OpKind::kScale, {sum, inverse}, {}, "loss");
}

std::vector<bool> decayed_parameters(const ModelGraph& model,
                                     const std::vector<ParameterGradients>& gradients) {
  std::vector<bool> decayed;
  for (const ParameterGradients& entry : gradients) {
    bool decays = false;
    for (const ParameterInfo& info : model.parameters) {
      if (info.value == entry.parameter) decays = info.decayed;
    }
    decayed.push_back(decays);
  }
  return decayed;
}

}  // namespace

Result<StepGraph> build_train_step(const OpTable& ops, const ModelConfig& config,
                                   const BuildOptions& options, const OptimizerOptions& optimizer) {
  StepGraph step;
  step.graph.name = "train";
  GraphBuilder builder(step.graph, ops);
  const ValueId inverse = inverse_token_count(builder, options);
  TUTTI_ASSIGN(step.model, build_model(builder, config, options));
  const int head = static_cast<int>(config.layers);
  const ValueId sum = accumulate_loss(builder, step.model.loss, head);
  TUTTI_ASSIGN(const std::vector<ParameterGradients> gradients,
               differentiate(builder, ops, step.model.loss, inverse));
  step.loss = mean_loss(builder, sum, inverse);
  const OptimizerOutputs outputs =
      add_adamw(builder, gradients, decayed_parameters(step.model, gradients), optimizer);
  step.grad_norm = outputs.grad_norm;
  step.skip = outputs.skip;
  step.graph.outputs = {step.loss, step.grad_norm, step.skip};
  TUTTI_TRY(builder.status());
  return step;
}

Result<StepGraph> build_evaluation_step(const OpTable& ops, const ModelConfig& config,
                                        BuildOptions options) {
  options.mode = BuildOptions::Mode::kEvaluate;
  StepGraph step;
  step.graph.name = "evaluate";
  GraphBuilder builder(step.graph, ops);
  const ValueId inverse = inverse_token_count(builder, options);
  TUTTI_ASSIGN(step.model, build_model(builder, config, options));
  const ValueId sum = accumulate_loss(builder, step.model.loss, static_cast<int>(config.layers));
  step.loss = mean_loss(builder, sum, inverse);
  step.graph.outputs = {step.loss};
  TUTTI_TRY(builder.status());
  return step;
}

Result<StepGraph> build_generation_step(const OpTable& ops, const ModelConfig& config,
                                        BuildOptions options) {
  options.mode = BuildOptions::Mode::kGenerate;
  StepGraph step;
  step.graph.name = fmt::format("generate_{}", options.seq);
  GraphBuilder builder(step.graph, ops);
  TUTTI_ASSIGN(step.model, build_model(builder, config, options));
  step.graph.outputs = {step.model.logits};
  TUTTI_TRY(builder.status());
  return step;
}

}  // namespace tutti
