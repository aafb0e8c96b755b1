#include "kernels/cpu/launch.h"

namespace tutti::cpu {
namespace {

void run_embedding(const Kernels& kernels, const KernelCall& call) {
  const Operand &ids = call.inputs[0], &w = call.inputs[1], &y = call.outputs[0];
  const int64_t rows = w.sizes[0], d = w.count() / rows;
  if (w.dtype == DType::kBF16) {
    return kernels.embedding_bf16(i32(ids), bf16(w), ids.count(), rows, d, w.offsets[0], f32(y),
                                  call.threads);
  }
  kernels.embedding(i32(ids), f32(w), ids.count(), rows, d, w.offsets[0], f32(y), call.threads);
}

void run_embedding_grad(const Kernels& kernels, const KernelCall& call) {
  const Operand &ids = call.inputs[0], &dy = call.inputs[1], &dw = call.outputs[0];
  const int64_t rows = dw.sizes[0], d = dw.count() / rows;
  kernels.embedding_grad(i32(ids), f32(dy), ids.count(), rows, d, dw.offsets[0], f32(dw),
                         call.adds_to(0), call.threads);
}

constexpr Launch kEmbeddingLaunches[] = {
    {OpKind::kEmbedding, run_embedding},
    {OpKind::kEmbeddingGrad, run_embedding_grad},
};

}  // namespace

std::span<const Launch> embedding_launches() { return kEmbeddingLaunches; }

}  // namespace tutti::cpu
