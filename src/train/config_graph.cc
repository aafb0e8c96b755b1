#include "train/config_graph.h"

namespace tutti {
namespace {

BuildOptions build_options(const Config& config) {
  BuildOptions options;
  options.seq = config.train.seq_len;
  options.seed = static_cast<uint64_t>(config.train.seed);
  options.segments = config.data.document_mask;
  return options;
}

OptimizerOptions optimizer_options(const OptimSection& optim) {
  return {.beta1 = optim.beta1,
          .beta2 = optim.beta2,
          .epsilon = optim.epsilon,
          .weight_decay = optim.weight_decay,
          .grad_clip = optim.grad_clip};
}

}  // namespace

Result<StepGraph> build_training(const OpTable& ops, const Config& config) {
  return build_train_step(ops, config.model, build_options(config),
                          optimizer_options(config.optim));
}

Result<StepGraph> build_evaluation(const OpTable& ops, const Config& config) {
  return build_evaluation_step(ops, config.model, build_options(config));
}

}  // namespace tutti
