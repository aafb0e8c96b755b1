// The table of one instance of the kernels; compiled once for each TUTTI_ISA, once as the oracle.
// To add a group: include its header and name its functions here.
#include "kernels/cpu/attention.h"
#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/embedding.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/linear_cross_entropy.h"
#include "kernels/cpu/linear_bf16.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/norm.h"
#include "kernels/cpu/optimizer.h"
#include "kernels/cpu/random.h"
#include "kernels/cpu/rope.h"

namespace tutti::cpu::TUTTI_ISA {

extern constinit const Kernels kTable = {
    .name = TUTTI_ISA_NAME,

    .matmul_workspace_bytes = matmul_workspace_bytes,
    .matmul = matmul,
    .linear_bf16_workspace_bytes = linear_bf16_workspace_bytes,
    .linear_bf16 = linear_bf16,
    .sum_rows = sum_rows,

    .embedding = embedding,
    .embedding_bf16 = embedding_bf16,
    .embedding_grad = embedding_grad,

    .linear_cross_entropy_workspace_bytes = linear_cross_entropy_workspace_bytes,
    .logits_stats = logits_stats,
    .linear_cross_entropy_grad = linear_cross_entropy_grad,
    .linear_cross_entropy_fused = linear_cross_entropy_fused,

    .attention_workspace_bytes = attention_workspace_bytes,
    .attention = attention,
    .attention_grad_workspace_bytes = attention_grad_workspace_bytes,
    .attention_grad = attention_grad,
    .attention_merge = attention_merge,

    .layer_norm = layer_norm,
    .layer_norm_input_grad = layer_norm_input_grad,
    .layer_norm_weight_grad = layer_norm_weight_grad,
    .rms_norm = rms_norm,
    .rms_norm_input_grad = rms_norm_input_grad,
    .rms_norm_weight_grad = rms_norm_weight_grad,

    .rope = rope,

    .gelu_tanh = gelu_tanh,
    .gelu_tanh_grad = gelu_tanh_grad,
    .swiglu = swiglu,
    .swiglu_grad = swiglu_grad,
    .add = add,
    .scale = scale,
    .fill = fill,
    .dropout = dropout,
    .fill_normal = fill_normal,

    .sum_squares = sum_squares,
    .adamw = adamw,
};

}  // namespace tutti::cpu::TUTTI_ISA
