// q[batch, seq, kv_heads, group, head_dim], k and v[batch, keys, kv_heads, head_dim], segments
// [batch, seq] and [batch, keys], all dense.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/launch.h"

namespace tutti::cpu {
namespace {

// How many keys come before query 0: what the cache held, or, where keys were gathered and queries
// are a part of the sequence, where that part begins.
int64_t keys_before(const Operand& q, const Operand& k, const Operand* length) {
  if (length == nullptr) return q.offsets[1] - k.offsets[1];
  return length->data == nullptr ? 0 : *i32(*length);
}

Attention problem_of(const KernelCall& call, const Operand& q, const Operand& k,
                     const Operand* length) {
  const Attributes& attributes = *call.attributes;
  const int64_t q_len = q.sizes[1], kv_heads = q.sizes[2], group = q.sizes[3];
  const int64_t head_dim = q.sizes[4], keys = k.sizes[1];
  const int64_t q_row = kv_heads * group * head_dim, k_row = kv_heads * head_dim;
  const double scale =
      attributes.get_double("scale", 1.0 / std::sqrt(static_cast<double>(head_dim)));
  Attention problem{.batch = q.sizes[0],
                    .q_len = q_len,
                    .kv_len = keys,
                    .kv_heads = kv_heads,
                    .group = group,
                    .head_dim = head_dim,
                    .q_row = q_row,
                    .q_batch = q_len * q_row,
                    .k_row = k_row,
                    .k_batch = keys * k_row,
                    .v_row = k_row,
                    .v_batch = keys * k_row,
                    .o_row = q_row,
                    .o_batch = q_len * q_row,
                    .scale = static_cast<float>(scale),
                    .causal = attributes.get_bool("causal"),
                    .q_offset = keys_before(q, k, length),
                    .window = attributes.get_int("window")};
  if (length != nullptr && length->data != nullptr) {
    // What lies behind in the cache was never written.
    TUTTI_CHECK(problem.q_offset >= 0 && problem.q_offset + q_len <= keys,
                "{} queries after {} keys in a cache of {}", q_len, problem.q_offset, keys);
    problem.kv_len = problem.q_offset + q_len;
  }
  return problem;
}

bool drops(const KernelCall& call) { return call.attributes->get_double("dropout", 0) > 0; }

// The step, which keys the numbers, is the last input; samples count through all microbatches.
void set_dropout(const KernelCall& call, const Operand& q, const Operand& k, Attention& problem) {
  if (!drops(call)) return;
  const Attributes& attributes = *call.attributes;
  const Operand& step = call.inputs.back();
  AttentionDropout& dropout = problem.dropout;
  dropout.p = static_cast<float>(attributes.get_double("dropout"));
  dropout.kv_heads = q.global_sizes[2];
  dropout.group = q.global_sizes[3];
  dropout.queries = q.global_sizes[1];
  dropout.keys = k.global_sizes[1];
  dropout.b0 = q.offsets[0] + call.microbatch * q.global_sizes[0];
  dropout.s0 = q.offsets[1];
  dropout.h0 = q.offsets[2];
  dropout.g0 = q.offsets[3];
  dropout.t0 = k.offsets[1];
  if (step.data == nullptr) return;  // while memory is planned
  dropout.key =
      rng_key(static_cast<uint64_t>(attributes.get_int("seed")), static_cast<uint64_t>(*i64(step)),
              static_cast<uint64_t>(attributes.get_int("key")));
}

// The segments are the two inputs behind the `plain` ones, if there are so many.
void set_segments(const KernelCall& call, size_t plain, Attention& problem) {
  if (call.inputs.size() - (drops(call) ? 1 : 0) != plain + 2) return;
  problem.q_segments = i32(call.inputs[plain]);
  problem.kv_segments = i32(call.inputs[plain + 1]);
}

Attention forward_problem(const KernelCall& call) {
  const bool decodes = call.inputs.size() == 4 && !drops(call);
  const Operand* length = decodes ? &call.inputs[3] : nullptr;
  Attention problem = problem_of(call, call.inputs[0], call.inputs[1], length);
  set_segments(call, 3, problem);
  set_dropout(call, call.inputs[0], call.inputs[1], problem);
  return problem;
}

Attention backward_problem(const KernelCall& call) {
  Attention problem = problem_of(call, call.inputs[1], call.inputs[2], nullptr);
  set_segments(call, 6, problem);
  set_dropout(call, call.inputs[1], call.inputs[2], problem);
  return problem;
}

// For the whole cache where its length is not known yet: more keys never take less.
size_t attention_workspace_bytes(const Kernels& kernels, const KernelCall& call) {
  return kernels.attention_workspace_bytes(forward_problem(call), call.threads);
}

void run_attention(const Kernels& kernels, const KernelCall& call) {
  kernels.attention(forward_problem(call), f32(call.inputs[0]), f32(call.inputs[1]),
                    f32(call.inputs[2]), f32(call.outputs[0]), f32(call.outputs[1]), call.workspace,
                    call.threads);
}

size_t attention_grad_workspace_bytes(const Kernels& kernels, const KernelCall& call) {
  return kernels.attention_grad_workspace_bytes(backward_problem(call), call.threads);
}

void run_attention_grad(const Kernels& kernels, const KernelCall& call) {
  const auto& in = call.inputs;
  kernels.attention_grad(backward_problem(call), f32(in[0]), f32(in[1]), f32(in[2]), f32(in[3]),
                         f32(in[4]), f32(in[5]), f32(call.outputs[0]), f32(call.outputs[1]),
                         f32(call.outputs[2]), call.workspace, call.threads);
}

void run_attention_merge(const Kernels& kernels, const KernelCall& call) {
  const auto& in = call.inputs;
  const std::vector<int64_t>& sizes = in[0].sizes;
  kernels.attention_merge(f32(in[0]), f32(in[1]), f32(in[2]), f32(in[3]), sizes[0], sizes[1],
                          sizes[2] * sizes[3], sizes[4], f32(call.outputs[0]), f32(call.outputs[1]),
                          call.threads);
}

constexpr Launch kLaunches[] = {
    {OpKind::kAttention, run_attention, attention_workspace_bytes},
    {OpKind::kAttentionGrad, run_attention_grad, attention_grad_workspace_bytes},
    {OpKind::kAttentionMerge, run_attention_merge},
};

}  // namespace

std::span<const Launch> attention_launches() { return kLaunches; }

}  // namespace tutti::cpu
