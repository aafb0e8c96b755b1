#include "train/evaluate.h"

#include <algorithm>

#include "data/sample_order.h"
#include "train/step_inputs.h"

namespace tutti {
namespace {

// How many ranks hold each label.
int64_t replicas_of_labels(const Executor& executor, size_t program, const Ranks& ranks) {
  const Operand labels = executor.operand(program, "all_labels");
  const int64_t cut =
      labels.global_sizes[1] / labels.sizes[1] * (labels.global_sizes[2] / labels.sizes[2]);
  return ranks.size() / cut;
}

}  // namespace

Result<std::optional<EvaluationResult>> evaluate(Executor& executor, size_t program, Ranks& ranks,
                                                 const TokenDataset& dataset,
                                                 const EvaluateOptions& options) {
  constexpr uint64_t kSelectionSeed = 0;
  const int64_t batch = executor.operand(program, "all_labels").global_sizes[1];
  const int64_t batches_max = (dataset.samples() + batch - 1) / batch;
  const bool all = options.batches == 0 || options.batches > batches_max;
  const int64_t batches = all ? batches_max : options.batches;
  const int64_t samples = std::min(batches * batch, dataset.samples());
  const bool selects = samples < dataset.samples();
  const SampleOrder order(kSelectionSeed, dataset.samples(), selects);

  const FillSample fill = [&](int64_t n, auto tokens, auto labels, auto positions, auto segments) {
    dataset.fill(order.sample(n), tokens, labels, positions, segments);
  };

  EvaluationResult result;
  double loss_sum = 0;
  for (; result.batches < batches; ++result.batches) {
    const bool stop = options.stop_requested && options.stop_requested();
    TUTTI_ASSIGN(const bool any_stops, ranks.any(stop));
    if (any_stops) return std::optional<EvaluationResult>();
    const int64_t here = fill_samples(executor, program, dataset.seq_len(), options.seq_order, fill,
                                      result.batches * batch, samples);
    TUTTI_ASSIGN(const int64_t held, ranks.sum(here));
    const int64_t labelled = held / replicas_of_labels(executor, program, ranks);
    if (labelled == 0) continue;  // all of it is masked
    TUTTI_TRY(executor.run(program));
    loss_sum += *executor.operand(program, "loss").as<float>() * static_cast<double>(labelled);
    result.tokens += labelled;
  }
  result.loss = result.tokens == 0 ? 0 : loss_sum / static_cast<double>(result.tokens);
  return std::optional(result);
}

}  // namespace tutti
