#include "train/evaluate.h"

#include <algorithm>

#include "data/sample_order.h"
#include "train/step_inputs.h"

namespace tutti {

Result<std::optional<EvaluationResult>> evaluate(Executor& executor, size_t program,
                                                 const TokenDataset& dataset, int64_t batches,
                                                 const std::function<bool()>& stop_requested) {
  constexpr uint64_t kSelectionSeed = 0;
  const int64_t batch = executor.operand(program, "tokens").count() / dataset.seq_len();
  const int64_t batches_max = (dataset.samples() + batch - 1) / batch;
  if (batches == 0 || batches > batches_max) batches = batches_max;
  const int64_t samples = std::min(batches * batch, dataset.samples());
  const bool selects = samples < dataset.samples();
  const SampleOrder order(kSelectionSeed, dataset.samples(), selects);

  const FillSample fill = [&](int64_t n, auto tokens, auto labels, auto positions, auto segments) {
    dataset.fill(order.sample(n), tokens, labels, positions, segments);
  };

  EvaluationResult result;
  double loss_sum = 0;
  for (; result.batches < batches; ++result.batches) {
    if (stop_requested && stop_requested()) return std::optional<EvaluationResult>();
    const int64_t labelled =
        fill_samples(executor, program, dataset.seq_len(), fill, result.batches * batch, samples);
    if (labelled == 0) continue;  // all of it is masked
    TUTTI_TRY(executor.run(program));
    loss_sum += *executor.operand(program, "loss").as<float>() * static_cast<double>(labelled);
    result.tokens += labelled;
  }
  result.loss = result.tokens == 0 ? 0 : loss_sum / static_cast<double>(result.tokens);
  return std::optional(result);
}

}  // namespace tutti
