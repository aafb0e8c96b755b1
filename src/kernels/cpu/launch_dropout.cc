// The global index of an element counts the samples of all microbatches of a step, so that it draws
// the same number however the batch is divided.
#include "kernels/cpu/launch.h"

namespace tutti::cpu {
namespace {

// The kernel counts in three dims. Further ones join the one before them, which needs them whole.
GlobalIndex3 global_index(const Operand& x, int64_t microbatch) {
  GlobalIndex3 index{{1, 1, 1}, {0, 0, 0}, {1, 1, 1}};
  for (size_t d = 0; d < x.sizes.size(); ++d) {
    if (d < 3) {
      index.local[d] = x.sizes[d];
      index.offset[d] = x.offsets[d];
      index.size[d] = x.global_sizes[d];
      continue;
    }
    TUTTI_CHECK(x.sizes[d] == x.global_sizes[d], "dropout with a cut dim {} behind the third",
                x.dims[d]);
    index.local[2] *= x.sizes[d];
    index.offset[2] *= x.sizes[d];
    index.size[2] *= x.sizes[d];
  }
  if (!x.sizes.empty()) index.offset[0] += microbatch * x.global_sizes[0];
  return index;
}

void run_dropout(const Kernels& kernels, const KernelCall& call) {
  const Operand& x = call.inputs[0];
  const int64_t step = *i64(call.inputs[1]);
  const RngKey key =
      rng_key(static_cast<uint64_t>(call.attributes->get_int("seed")), static_cast<uint64_t>(step),
              static_cast<uint64_t>(call.attributes->get_int("key")));
  kernels.dropout(f32(x), global_index(x, call.microbatch), key,
                  static_cast<float>(call.attributes->get_double("p")), f32(call.outputs[0]),
                  call.threads);
}

constexpr Launch kLaunches[] = {{OpKind::kDropout, run_dropout}};

}  // namespace

std::span<const Launch> dropout_launches() { return kLaunches; }

}  // namespace tutti::cpu
