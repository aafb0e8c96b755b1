#include "train/step_inputs.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "collective/seq_order.h"
#include "data/token_dataset.h"

namespace tutti {
namespace {

struct MicrobatchInputs {
  std::span<int32_t> tokens, labels, positions, segments;
};

std::span<int32_t> integers(const Operand& operand) {
  TUTTI_CHECK(operand.dtype == DType::kI32);
  return {operand.as<int32_t>(), static_cast<size_t>(operand.count())};
}

MicrobatchInputs inputs_of(const Executor& executor, size_t program, int microbatch) {
  const auto input = [&](std::string_view name) {
    return integers(executor.operand(program, name, microbatch));
  };
  MicrobatchInputs in{input("tokens"), input("labels"), input("positions"), {}};
  if (executor.has(program, "segments")) in.segments = input("segments");
  return in;
}

void copy_part(const std::vector<int32_t>& from, size_t at, std::span<int32_t> to) {
  std::copy_n(from.begin() + static_cast<int64_t>(at), to.size(), to.begin());
}

// One sample in logical order, of which a rank may have a part.
struct WholeSample {
  explicit WholeSample(size_t seq) : tokens(seq), labels(seq), positions(seq), segments(seq) {}

  void fill(const FillSample& fill_sample, int64_t n, int64_t limit, bool segmented) {
    // A sample that is only there for its shape is any sample, without labels.
    const bool here = n < limit;
    fill_sample(here ? n : 0, tokens, labels, positions,
                segmented ? std::span(segments) : std::span<int32_t>());
    if (!here) std::fill(labels.begin(), labels.end(), kIgnoredLabel);
  }

  std::vector<int32_t> tokens, labels, positions, segments;
};

void set_scalar(const Executor& executor, size_t program, std::string_view name, double value) {
  *executor.operand(program, name).as<float>() = static_cast<float>(value);
}

}  // namespace

int64_t fill_samples(const Executor& executor, size_t program, int64_t seq_len, int64_t seq_order,
                     const FillSample& fill, int64_t consumed, int64_t limit) {
  const std::span<int32_t> all_labels = integers(executor.operand(program, "all_labels"));
  WholeSample sample(static_cast<size_t>(seq_len));
  size_t at = 0;
  int64_t labelled = 0;
  for (int m = 0; m < executor.program(program).microbatches; ++m) {
    const Operand tokens = executor.operand(program, "tokens", m);
    const MicrobatchInputs in = inputs_of(executor, program, m);
    const std::vector<SeqChunk> chunks =
        seq_chunks(seq_len, seq_order, tokens.offsets[1], tokens.sizes[1]);
    size_t to = 0;
    for (int64_t b = 0; b < tokens.sizes[0]; ++b) {
      const int64_t n = consumed + m * tokens.global_sizes[0] + tokens.offsets[0] + b;
      sample.fill(fill, n, limit, !in.segments.empty());
      for (const SeqChunk& chunk : chunks) {
        const auto from = static_cast<size_t>(chunk.logical), size = static_cast<size_t>(chunk.size);
        copy_part(sample.tokens, from, in.tokens.subspan(to, size));
        copy_part(sample.labels, from, in.labels.subspan(to, size));
        copy_part(sample.positions, from, in.positions.subspan(to, size));
        if (!in.segments.empty()) copy_part(sample.segments, from, in.segments.subspan(to, size));
        copy_part(sample.labels, from, all_labels.subspan(at, size));
        labelled += std::count_if(all_labels.begin() + static_cast<int64_t>(at),
                                  all_labels.begin() + static_cast<int64_t>(at + size),
                                  [](int32_t label) { return label >= 0; });
        to += size;
        at += size;
      }
    }
  }
  TUTTI_CHECK(at == all_labels.size(), "{} labels, expected {}", at, all_labels.size());
  return labelled;
}

void set_scalars(const Executor& executor, size_t program, const OptimSection& optim,
                 const StepScalars& scalars) {
  const auto updates = static_cast<double>(scalars.updates);
  set_scalar(executor, program, "lr", scalars.lr);
  set_scalar(executor, program, "bias_correction1", 1 - std::pow(optim.beta1, updates));
  set_scalar(executor, program, "bias_correction2", 1 - std::pow(optim.beta2, updates));
  if (executor.has(program, "step")) {
    *executor.operand(program, "step").as<int64_t>() = scalars.step;
  }
}

}  // namespace tutti
