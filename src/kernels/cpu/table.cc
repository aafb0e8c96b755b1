// The table of one instance of the kernels; compiled once for each TUTTI_ISA and once as the oracle.
// To add a group: include its header and name its functions here.
#include "kernels/cpu/isa.h"

namespace tutti::cpu::TUTTI_ISA {

extern constinit const Kernels kTable = {
    .name = TUTTI_ISA_NAME,

    .matmul_workspace_bytes = nullptr,
    .matmul = nullptr,
    .sum_rows = nullptr,

    .embedding = nullptr,
    .embedding_grad = nullptr,

    .linear_cross_entropy_workspace_bytes = nullptr,
    .logits_stats = nullptr,
    .linear_cross_entropy_grad = nullptr,
    .linear_cross_entropy_fused = nullptr,

    .attention_workspace_bytes = nullptr,
    .attention = nullptr,
    .attention_grad_workspace_bytes = nullptr,
    .attention_grad = nullptr,

    .layer_norm = nullptr,
    .layer_norm_input_grad = nullptr,
    .layer_norm_weight_grad = nullptr,
    .rms_norm = nullptr,
    .rms_norm_input_grad = nullptr,
    .rms_norm_weight_grad = nullptr,

    .rope = nullptr,

    .gelu_tanh = nullptr,
    .gelu_tanh_grad = nullptr,
    .swiglu = nullptr,
    .swiglu_grad = nullptr,
    .add = nullptr,
    .scale = nullptr,
    .fill = nullptr,
    .dropout = nullptr,
    .fill_normal = nullptr,

    .sum_squares = nullptr,
    .adamw = nullptr,
};

}  // namespace tutti::cpu::TUTTI_ISA
