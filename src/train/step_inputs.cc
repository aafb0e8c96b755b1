#include "train/step_inputs.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "collective/seq_order.h"
#include "data/token_dataset.h"

namespace tutti {
namespace {

// Those that this rank's stage reads; others are empty.
struct MicrobatchInputs {
  std::span<int32_t> tokens, labels, positions, segments;
};

std::span<int32_t> integers(const Operand& operand) {
  TUTTI_CHECK(operand.dtype == DType::kI32);
  return {operand.as<int32_t>(), static_cast<size_t>(operand.count())};
}

MicrobatchInputs inputs_of(const Executor& executor, size_t program, int microbatch) {
  const auto input = [&](std::string_view name) {
    if (!executor.has(program, name)) return std::span<int32_t>();
    return integers(executor.operand(program, name, microbatch));
  };
  return {input("tokens"), input("labels"), input("positions"), input("segments")};
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
  const Operand all = executor.operand(program, "all_labels");
  const std::span<int32_t> all_labels = integers(all);
  const std::vector<SeqChunk> chunks = seq_chunks(seq_len, seq_order, all.offsets[2], all.sizes[2]);
  WholeSample sample(static_cast<size_t>(seq_len));
  size_t at = 0;
  int64_t labelled = 0;
  for (int m = 0; m < executor.program(program).microbatches; ++m) {
    const MicrobatchInputs in = inputs_of(executor, program, m);
    size_t to = 0;
    for (int64_t b = 0; b < all.sizes[1]; ++b) {
      const int64_t n = consumed + m * all.global_sizes[1] + all.offsets[1] + b;
      sample.fill(fill, n, limit, !in.segments.empty());
      for (const SeqChunk& chunk : chunks) {
        const auto from = static_cast<size_t>(chunk.logical),
                   size = static_cast<size_t>(chunk.size);
        const auto part = [&](const std::vector<int32_t>& whole, std::span<int32_t> input) {
          if (!input.empty()) copy_part(whole, from, input.subspan(to, size));
        };
        part(sample.tokens, in.tokens);
        part(sample.labels, in.labels);
        part(sample.positions, in.positions);
        part(sample.segments, in.segments);
        const std::span<int32_t> labels = all_labels.subspan(at, size);
        copy_part(sample.labels, from, labels);
        labelled += std::ranges::count_if(labels, [](int32_t label) { return label >= 0; });
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
