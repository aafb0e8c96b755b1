// What a step needs besides the model. Scalars of a step are read from memory at each call.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "kernels/cpu/launch.h"

namespace tutti::cpu {
namespace {

int64_t integer(const std::string& text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void run_accumulate(const Kernels& kernels, const KernelCall& call) {
  const Operand &accumulator = call.inputs[0], &x = call.inputs[1], &out = call.outputs[0];
  if (!call.adds_to(0)) return copy(x, out);
  kernels.add(f32(accumulator), f32(x), out.count(), f32(out), call.threads);
}

void run_count_labels(const Kernels&, const KernelCall& call) {
  const int32_t* labels = i32(call.inputs[0]);
  const int64_t count = std::count_if(labels, labels + call.inputs[0].count(),
                                      [](int32_t label) { return label >= 0; });
  *f32(call.outputs[0]) = static_cast<float>(count);
}

void run_sum_squares(const Kernels& kernels, const KernelCall& call) {
  double* sum = f64(call.outputs[0]);
  *sum = 0;
  for (const Operand& x : call.inputs) {
    if (x.counted) kernels.sum_squares(f32(x), x.count(), sum, true, call.threads);
  }
}

void run_clip_factor(const Kernels&, const KernelCall& call) {
  const float norm = static_cast<float>(std::sqrt(*f64(call.inputs[0])));
  const float max_norm = static_cast<float>(call.attributes->get_double("max_norm"));
  const bool finite = std::isfinite(norm);
  float factor = 1.0f;
  if (!finite) {
    factor = 0.0f;
  } else if (max_norm > 0) {
    factor = std::min(1.0f, max_norm / (norm + 1e-6f));
  }
  *f32(call.outputs[0]) = factor;
  *f32(call.outputs[1]) = norm;
  *f32(call.outputs[2]) = finite ? 0.0f : 1.0f;
}

struct DecayRange {
  int64_t begin, end;  // elements of the operand
  bool decays;
};

// The ranges of p, in order. Of a bucket the attributes name those that decay, by element of the
// bucket on one rank, of which p may be a part.
std::vector<DecayRange> decay_ranges(const KernelCall& call, const Operand& p) {
  const std::vector<std::string>& begins = call.attributes->get_names("decay_begins");
  const std::vector<std::string>& ends = call.attributes->get_names("decay_ends");
  if (begins.empty()) return {{0, p.count(), true}};
  const Attributes& attributes = *call.attributes;
  int64_t first = p.offsets[0];
  if (attributes.has("piece")) {  // of each rank's part
    const int64_t size = attributes.get_int("piece_elements");
    const int64_t part = first / size * attributes.get_int("part_elements");
    first = part + attributes.get_int("piece") + first % size;
  }
  first %= attributes.get_int("bucket_elements");
  std::vector<DecayRange> ranges;
  const auto add = [&](int64_t end, bool decays) {
    const int64_t begin = ranges.empty() ? 0 : ranges.back().end;
    const int64_t last = std::clamp<int64_t>(end - first, 0, p.count());
    if (last <= begin) return;
    if (!ranges.empty() && ranges.back().decays == decays)
      ranges.back().end = last;
    else
      ranges.push_back({begin, last, decays});
  };
  for (size_t i = 0; i < begins.size(); ++i) {
    add(integer(begins[i]), false);
    add(integer(ends[i]), true);
  }
  add(first + p.count(), false);
  return ranges;
}

void run_adamw(const Kernels& kernels, const KernelCall& call) {
  const auto& in = call.inputs;
  for (size_t i = 0; i < 3; ++i) {
    TUTTI_CHECK(in[i].data == call.outputs[i].data, "output {} must be the storage of input {}", i,
                i);
  }
  const auto constant = [&](std::string_view name) {
    return static_cast<float>(call.attributes->get_double(name));
  };
  const AdamW config{.lr = *f32(in[6]),
                     .beta1 = constant("beta1"),
                     .beta2 = constant("beta2"),
                     .epsilon = constant("epsilon"),
                     .weight_decay = constant("weight_decay"),
                     .bias_correction1 = *f32(in[7]),
                     .bias_correction2 = *f32(in[8])};
  for (const DecayRange& range : decay_ranges(call, in[0])) {
    AdamW here = config;
    if (!range.decays) here.weight_decay = 0;
    const int64_t at = range.begin;
    kernels.adamw(f32(in[0]) + at, f32(in[1]) + at, f32(in[2]) + at, f32(in[3]) + at, f32(in[4]),
                  f32(in[5]), range.end - range.begin, here, call.threads);
  }
}

// The sum of the inputs in their order, left in every output. In blocks, each read before it is
// written, so that any output may be the storage of any input.
void run_replica_sum(const Kernels& kernels, const KernelCall& call) {
  constexpr int64_t kBlock = 1024;
  float total[kBlock];
  const int64_t count = call.outputs[0].count();
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t size = std::min(kBlock, count - begin);
    const size_t bytes = static_cast<size_t>(size) * sizeof(float);
    std::memcpy(total, f32(call.inputs[0]) + begin, bytes);
    for (const Operand& replica : call.inputs.subspan(1)) {
      kernels.add(total, f32(replica) + begin, size, total, 1);
    }
    for (const Operand& out : call.outputs) std::memcpy(f32(out) + begin, total, bytes);
  }
}

constexpr Launch kStepLaunches[] = {
    {OpKind::kAccumulate, run_accumulate},
    {OpKind::kCountLabels, run_count_labels},
    {OpKind::kSumSquares, run_sum_squares},
    {OpKind::kClipFactor, run_clip_factor},
    {OpKind::kAdamW, run_adamw},
    {OpKind::kReplicaSum, run_replica_sum},
};

}  // namespace

std::span<const Launch> step_launches() { return kStepLaunches; }

}  // namespace tutti::cpu
