// The global index of an element counts the samples of all microbatches of a step, so that it draws
// the same number however the batch is divided.
#include "collective/seq_order.h"
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

RngKey key_of(const KernelCall& call) {
  return rng_key(static_cast<uint64_t>(call.attributes->get_int("seed")),
                 static_cast<uint64_t>(*i64(call.inputs[1])),
                 static_cast<uint64_t>(call.attributes->get_int("key")));
}

// Sequence by sequence, and chunk by chunk of the second dim, which lies in zigzag order.
void drop_chunks(const Kernels& kernels, const KernelCall& call, int64_t parts) {
  const Operand& x = call.inputs[0];
  const RngKey key = key_of(call);
  const float p = static_cast<float>(call.attributes->get_double("p"));
  const GlobalIndex3 whole = global_index(x, call.microbatch);
  const int64_t end = x.offsets[1] + x.sizes[1];
  int64_t at = 0;
  for (int64_t b = 0; b < whole.local[0]; ++b) {
    for (int64_t begin = x.offsets[1]; begin < end;) {
      const SeqChunk chunk = seq_chunk_at(x.global_sizes[1], parts, begin, end);
      GlobalIndex3 part = whole;
      part.local[0] = 1;
      part.offset[0] += b;
      part.local[1] = chunk.size;
      part.offset[1] = chunk.logical;
      kernels.dropout(f32(x) + at, part, key, p, f32(call.outputs[0]) + at, call.threads);
      at += chunk.size * whole.local[2];
      begin += chunk.size;
    }
  }
}

void run_dropout(const Kernels& kernels, const KernelCall& call) {
  const Operand& x = call.inputs[0];
  const int64_t parts = call.attributes->get_int("order", 1);
  if (parts > 1) return drop_chunks(kernels, call, parts);
  kernels.dropout(f32(x), global_index(x, call.microbatch), key_of(call),
                  static_cast<float>(call.attributes->get_double("p")), f32(call.outputs[0]),
                  call.threads);
}

constexpr Launch kDropoutLaunches[] = {{OpKind::kDropout, run_dropout}};

}  // namespace

std::span<const Launch> dropout_launches() { return kDropoutLaunches; }

}  // namespace tutti::cpu
