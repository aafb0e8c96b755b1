// q[batch, seq, kv_heads, group, head_dim], k and v[batch, keys, kv_heads, head_dim], segments
// [batch, seq] and [batch, keys], all dense.
//
// Positions of context parallelism become runs that the kernel looks up: nothing is moved but the
// segments, which are small.
#include <algorithm>
#include <cmath>

#include "collective/seq_order.h"
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
bool has_segments(const KernelCall& call, size_t plain) {
  return call.inputs.size() - (drops(call) ? 1 : 0) == plain + 2;
}

void set_segments(const KernelCall& call, size_t plain, Attention& problem) {
  if (!has_segments(call, plain)) return;
  problem.q_segments = i32(call.inputs[plain]);
  problem.kv_segments = i32(call.inputs[plain + 1]);
}

// What the storage indices [begin, begin + size) of a sequence of `total` hold, by position.
PositionRuns runs_of(int64_t total, int64_t parts, int64_t begin, int64_t size,
                     Workspace& workspace) {
  PositionRun* const runs = workspace.take<PositionRun>(2 * parts);
  if (runs == nullptr) return {nullptr, 1};  // while memory is planned
  int64_t count = 0;
  for (int64_t at = begin; at < begin + size; ++count) {
    const SeqChunk chunk = seq_chunk_at(total, parts, at, begin + size);
    runs[count] = {0, at - begin, chunk.logical, chunk.size};
    at += chunk.size;
  }
  std::sort(runs, runs + count,
            [](const PositionRun& a, const PositionRun& b) { return a.position < b.position; });
  int64_t joined = 0;
  for (int64_t i = 1; i < count; ++i) {
    PositionRun& last = runs[joined];
    const bool follows =
        runs[i].position == last.position + last.size && runs[i].row == last.row + last.size;
    if (follows) {
      last.size += runs[i].size;
    } else {
      runs[++joined] = {last.first + last.size, runs[i].row, runs[i].position, runs[i].size};
    }
  }
  return {runs, joined + 1};
}

// Where the keys at hand begin, which in a ring are those of another rank.
int64_t keys_begin(const Attributes& attributes, const Operand& k) {
  if (!attributes.has("key_shift")) return k.offsets[1];
  const int64_t ranks = k.global_sizes[1] / k.sizes[1], own = k.offsets[1] / k.sizes[1];
  const int64_t source = (own - attributes.get_int("key_shift")) % ranks;
  return (source < 0 ? source + ranks : source) * k.sizes[1];
}

// The segments of `batch` sequences in the order of the runs.
const int32_t* in_order(const int32_t* segments, int64_t batch, int64_t length,
                        const PositionRuns& in, Workspace& workspace) {
  int32_t* const ordered = workspace.take<int32_t>(batch * length);
  if (ordered == nullptr) return nullptr;
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t i = 0; i < in.count; ++i) {
      const PositionRun& run = in.runs[i];
      std::copy_n(segments + b * length + run.row, run.size, ordered + b * length + run.first);
    }
  }
  return ordered;
}

// Comes last, as it makes logical positions of what lies at the operands' offsets.
void set_order(const KernelCall& call, const Operand& q, const Operand& k, bool segmented,
               Attention& problem, Workspace& workspace) {
  const Attributes& attributes = *call.attributes;
  const int64_t parts = attributes.get_int("order", 1);
  if (parts == 1 && !attributes.has("key_shift")) return;
  problem.queries = runs_of(q.global_sizes[1], parts, q.offsets[1], q.sizes[1], workspace);
  problem.keys =
      runs_of(k.global_sizes[1], parts, keys_begin(attributes, k), k.sizes[1], workspace);
  problem.q_offset = problem.dropout.s0 = problem.dropout.t0 = 0;
  if (!segmented) return;
  problem.q_segments =
      in_order(problem.q_segments, problem.batch, problem.q_len, problem.queries, workspace);
  problem.kv_segments =
      in_order(problem.kv_segments, problem.batch, problem.kv_len, problem.keys, workspace);
}

Attention forward_problem(const KernelCall& call, Workspace& workspace) {
  const Operand &q = call.inputs[0], &k = call.inputs[1];
  const bool decodes = call.inputs.size() == 4 && !drops(call);
  Attention problem = problem_of(call, q, k, decodes ? &call.inputs[3] : nullptr);
  set_segments(call, 3, problem);
  set_dropout(call, q, k, problem);
  set_order(call, q, k, has_segments(call, 3), problem, workspace);
  return problem;
}

Attention backward_problem(const KernelCall& call, Workspace& workspace) {
  const Operand &q = call.inputs[1], &k = call.inputs[2];
  Attention problem = problem_of(call, q, k, nullptr);
  set_segments(call, 6, problem);
  set_dropout(call, q, k, problem);
  set_order(call, q, k, has_segments(call, 6), problem, workspace);
  return problem;
}

// For the whole cache where its length is not known yet: more keys never take less.
size_t attention_workspace_bytes(const Kernels& kernels, const KernelCall& call) {
  Workspace workspace(nullptr);
  const Attention problem = forward_problem(call, workspace);
  return workspace.bytes() + kernels.attention_workspace_bytes(problem, call.threads);
}

void run_attention(const Kernels& kernels, const KernelCall& call) {
  Workspace workspace(call.workspace);
  const Attention problem = forward_problem(call, workspace);
  kernels.attention(problem, f32(call.inputs[0]), f32(call.inputs[1]), f32(call.inputs[2]),
                    f32(call.outputs[0]), f32(call.outputs[1]), workspace.take(0), call.threads);
}

size_t attention_grad_workspace_bytes(const Kernels& kernels, const KernelCall& call) {
  Workspace workspace(nullptr);
  const Attention problem = backward_problem(call, workspace);
  return workspace.bytes() + kernels.attention_grad_workspace_bytes(problem, call.threads);
}

void run_attention_grad(const Kernels& kernels, const KernelCall& call) {
  const auto& in = call.inputs;
  Workspace workspace(call.workspace);
  const Attention problem = backward_problem(call, workspace);
  kernels.attention_grad(problem, f32(in[0]), f32(in[1]), f32(in[2]), f32(in[3]), f32(in[4]),
                         f32(in[5]), f32(call.outputs[0]), f32(call.outputs[1]),
                         f32(call.outputs[2]), workspace.take(0), call.threads);
}

void run_attention_merge(const Kernels& kernels, const KernelCall& call) {
  const auto& in = call.inputs;
  const std::vector<int64_t>& sizes = in[0].sizes;
  kernels.attention_merge(f32(in[0]), f32(in[1]), f32(in[2]), f32(in[3]), sizes[0], sizes[1],
                          sizes[2] * sizes[3], sizes[4], f32(call.outputs[0]), f32(call.outputs[1]),
                          call.threads);
}

constexpr Launch kAttentionLaunches[] = {
    {OpKind::kAttention, run_attention, attention_workspace_bytes},
    {OpKind::kAttentionGrad, run_attention_grad, attention_grad_workspace_bytes},
    {OpKind::kAttentionMerge, run_attention_merge},
};

}  // namespace

std::span<const Launch> attention_launches() { return kAttentionLaunches; }

}  // namespace tutti::cpu
