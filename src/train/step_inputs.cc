#include "train/step_inputs.h"

#include <algorithm>
#include <cmath>

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

void set_scalar(const Executor& executor, size_t program, std::string_view name, double value) {
  *executor.operand(program, name).as<float>() = static_cast<float>(value);
}

}  // namespace

int64_t fill_samples(const Executor& executor, size_t program, int64_t seq_len,
                     const FillSample& fill, int64_t consumed, int64_t limit) {
  const auto seq = static_cast<size_t>(seq_len);
  const std::span<int32_t> all_labels = integers(executor.operand(program, "all_labels"));
  size_t at = 0;
  int64_t labelled = 0;
  for (int m = 0; m < executor.program(program).microbatches; ++m) {
    const MicrobatchInputs in = inputs_of(executor, program, m);
    for (size_t begin = 0; begin < in.tokens.size(); begin += seq, ++consumed, at += seq) {
      const auto labels = in.labels.subspan(begin, seq);
      const bool here = consumed < limit;
      // A sample that is only there for its shape is any sample, without labels.
      fill(here ? consumed : 0, in.tokens.subspan(begin, seq), labels,
           in.positions.subspan(begin, seq),
           in.segments.empty() ? in.segments : in.segments.subspan(begin, seq));
      if (!here) std::fill(labels.begin(), labels.end(), kIgnoredLabel);
      labelled += std::count_if(labels.begin(), labels.end(), [](int32_t l) { return l >= 0; });
      std::copy(labels.begin(), labels.end(), all_labels.subspan(at).begin());
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
