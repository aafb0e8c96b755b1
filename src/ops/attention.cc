// attention(q[batch, seq, kv_heads, group, head_dim], k[batch, keys, kv_heads, head_dim], v,
// length[]? | q_segments[batch, seq]?, k_segments[batch, keys]?, step[]?) {causal, scale, window,
// dropout, seed, key, order, key_shift} -> o like q, lse[batch, kv_heads, group, seq] (Dao et al.
// 2022).
//
// The key dim of k and v is `seq` in training; in decoding it is the cache's `context`, and
// `length` (i32) says how many keys were there before this call's queries. With segments (i32) a
// query sees only keys of its own segment: documents that share a sample. With dropout > 0 the
// softmax's weights are dropped with that probability before they meet v; `step` (i64) comes last,
// and each weight's random number is keyed as that of op dropout. The gradient draws it again.
//
// Context parallelism: a rank may hold a part of `seq` of q, and the same part or all of that of k,
// v and k_segments. With order > 1 both lie in zigzag order of so many parts
// (collective/seq_order.h); masks and random numbers go by logical positions. With key_shift = s,
// a step of a ring, k, v and k_segments lie as this rank's part but hold that of the rank s before
// it, counted in parts as k is cut and modulo their number. A query that sees none of the keys at
// hand gets o = 0 and lse = -inf. attention_grad then takes o and lse over all keys, and gives what
// those at hand add to dq, and their dk and dv from the queries at hand.
//
// attention_merge(o_a, lse_a, o_b, lse_b) -> o, lse: attention over the keys of both a and b, which
// share none.
#include <algorithm>
#include <array>

#include "collective/seq_order.h"
#include "ops/all_ops.h"

namespace tutti {
namespace {

Status check_attention_inputs(const OpInputs& in, size_t q_at) {
  const auto& q = in.dims(q_at);
  const auto& k = in.dims(q_at + 1);
  const bool fits = q.size() == 5 && k.size() == 4 && q[0] == k[0] && q[2] == k[2] && q[4] == k[3];
  if (!fits) {
    return invalid(
        "{}: expected q[batch, seq, kv_heads, group, head_dim] and k[batch, keys, kv_heads, "
        "head_dim]; %{} has {} dims, %{} has {}",
        in.where(), in.name(q_at), q.size(), in.name(q_at + 1), k.size());
  }
  return in.expect_same_type(q_at + 2, q_at + 1);
}

// The segments of the queries and keys at `q_at` and after it.
Status check_segments(const OpInputs& in, size_t segments_at, size_t q_at) {
  for (size_t i = 0; i < 2; ++i) {
    const auto& dims = in.dims(q_at + i);
    TUTTI_TRY(in.expect_dtype(segments_at + i, DType::kI32));
    TUTTI_TRY(in.expect_dims(segments_at + i, std::array{dims[0], dims[1]}));
  }
  return {};
}

// Queries and keys that do not lie whole and in natural order are positions of one sequence.
Status check_order(const OpInputs& in, size_t q_at, bool decodes) {
  const Attributes& attributes = in.op().attributes;
  if (attributes.get_int("order", 1) == 1 && !attributes.has("key_shift")) return {};
  const Dim &queries = in.dims(q_at)[1], &keys = in.dims(q_at + 1)[1];
  if (decodes || queries.size != keys.size) {
    return invalid(
        "{}: order and key_shift are for one sequence of queries and keys, not {} = {} "
        "and {} = {}{}",
        in.where(), queries.name, queries.size, keys.name, keys.size, decodes ? " of a cache" : "");
  }
  return in.expect_order(queries);
}

// How many inputs there are but for the step of dropout, which is checked.
Result<size_t> inputs_without_step(const OpInputs& in) {
  const double p = in.op().attributes.get_double("dropout", 0);
  if (p == 0) return in.count();
  if (!(p > 0 && p < 1)) return invalid("{}: dropout = {}, expected 0 <= p < 1", in.where(), p);
  const size_t step = in.count() - 1;
  TUTTI_TRY(in.expect_dtype(step, DType::kI64));
  TUTTI_TRY(in.expect_dims(step, {}));
  return step;
}

InferredTypes infer_attention(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(3, 6));
  TUTTI_TRY(check_attention_inputs(in, 0));
  TUTTI_ASSIGN(const size_t count, inputs_without_step(in));
  if (count == 4) {
    TUTTI_TRY(in.expect_dtype(3, DType::kI32));
    TUTTI_TRY(in.expect_dims(3, {}));
  }
  if (count == 5) TUTTI_TRY(check_segments(in, 3, 0));
  TUTTI_TRY(check_order(in, 0, count == 4));
  if (count < 3 || count > 5) {
    return invalid("{}: {} inputs beside the step, expected 3 to 5", in.where(), count);
  }
  const auto& q = in.dims(0);
  return std::vector<ValueType>{in.type(0), {DType::kF32, {q[0], q[2], q[3], q[1]}}};
}

void attention_gradient(GradientContext& c) {
  const auto& in = c.op.inputs;
  const bool drops = c.op.attributes.get_double("dropout", 0) > 0;
  TUTTI_CHECK(drops || in.size() != 4, "attention over a cache has no gradient");
  std::vector<ValueId> inputs = {c.output_grads[0], in[0],          in[1], in[2],
                                 c.op.outputs[0],   c.op.outputs[1]};
  inputs.insert(inputs.end(), in.begin() + 3, in.end());  // segments and step, if any
  const auto grads = c.builder.emit(OpKind::kAttentionGrad, inputs, c.op.attributes,
                                    std::vector{c.grad_name(0), c.grad_name(1), c.grad_name(2)});
  for (size_t i = 0; i < 3; ++i) c.input_grads[i] = grads[i];
}

InferredTypes infer_attention_grad(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(6, 9));
  TUTTI_TRY(check_attention_inputs(in, 1));
  TUTTI_ASSIGN(const size_t count, inputs_without_step(in));
  if (count != 6 && count != 8) {
    return invalid("{}: {} inputs beside the step, expected 6, or 8 with the segments", in.where(),
                   count);
  }
  if (count == 8) TUTTI_TRY(check_segments(in, 6, 1));
  TUTTI_TRY(check_order(in, 1, false));
  TUTTI_TRY(in.expect_same_type(0, 1));
  TUTTI_TRY(in.expect_same_type(4, 1));
  return std::vector<ValueType>{in.type(1), in.type(2), in.type(3)};
}

InferredTypes infer_attention_merge(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(4, 4));
  const auto& o = in.dims(0);
  if (o.size() != 5) {
    return invalid("{}: expected o[batch, seq, kv_heads, group, head_dim]; %{} has {} dims",
                   in.where(), in.name(0), o.size());
  }
  for (size_t lse : {1, 3}) {
    TUTTI_TRY(in.expect_dtype(lse, DType::kF32));
    TUTTI_TRY(in.expect_dims(lse, std::array{o[0], o[2], o[3], o[1]}));
  }
  TUTTI_TRY(in.expect_same_type(2, 0));
  return std::vector<ValueType>{in.type(0), in.type(1)};
}

// Pairs of a query of one chunk and a key of the other that is `distance` or more before it.
double pairs_before(const SeqChunk& queries, const SeqChunk& keys, int64_t distance) {
  // How many pairs the first n of queries have, of which the first sees one key and each next one
  // more, but no more than there are.
  const auto first = [&](int64_t n) {
    const auto all = static_cast<double>(std::max<int64_t>(0, n));
    const double rising = std::min(all, static_cast<double>(keys.size));
    return rising * (rising + 1) / 2 + (all - rising) * static_cast<double>(keys.size);
  };
  const int64_t skipped = queries.logical - keys.logical - distance;
  return first(skipped + queries.size) - first(skipped);
}

double pairs_seen(const Attributes& attributes, const SeqChunk& queries, const SeqChunk& keys) {
  const int64_t window = attributes.get_int("window");
  const double all = static_cast<double>(queries.size) * static_cast<double>(keys.size);
  return (attributes.get_bool("causal") ? pairs_before(queries, keys, 0) : all) -
         (window > 0 ? pairs_before(queries, keys, window) : 0);
}

// Keys that a query sees in a step of a ring, on average over the ranks.
double keys_seen_in_step(const Attributes& attributes, int64_t total, int64_t local) {
  const int64_t ranks = total / local, parts = attributes.get_int("order", 1);
  const int64_t shift = attributes.get_int("key_shift") % ranks;
  double pairs = 0;
  for (int64_t rank = 0; rank < ranks; ++rank) {
    const int64_t source = (rank - shift + ranks) % ranks;
    for (const SeqChunk& queries : seq_chunks(total, parts, rank * local, local)) {
      for (const SeqChunk& keys : seq_chunks(total, parts, source * local, local)) {
        pairs += pairs_seen(attributes, queries, keys);
      }
    }
  }
  return pairs / static_cast<double>(total);
}

// Keys that a query sees on average. A part of the queries, over all keys, counts as the average
// part: in zigzag order all parts are alike.
double keys_seen(const Attributes& attributes, double keys) {
  const auto window = static_cast<double>(attributes.get_int("window"));
  const bool causal = attributes.get_bool("causal");
  if (window <= 0 || window >= keys) return causal ? keys / 2 : keys;
  return causal ? window - window * window / (2 * keys) : window;
}

// Products with each unmasked pair of query and key: 2 of head_dim forward, 5 backward.
double pair_flops(const Graph& graph, const Op& op, ValueId q, ValueId k, double products) {
  const int64_t keys = local_sizes(graph.value(k))[1];
  const double seen = op.attributes.has("key_shift")
                          ? keys_seen_in_step(op.attributes, graph.value(k).type.dims[1].size, keys)
                          : keys_seen(op.attributes, static_cast<double>(keys));
  return 2 * products * local_count(graph, q) * seen;
}

double attention_flops(const Graph& graph, const Op& op) {
  return pair_flops(graph, op, op.inputs[0], op.inputs[1], 2);
}

double attention_grad_flops(const Graph& graph, const Op& op) {
  return pair_flops(graph, op, op.inputs[1], op.inputs[2], 5);
}

double attention_merge_flops(const Graph& graph, const Op& op) {
  return 3 * local_count(graph, op.outputs[0]);
}

}  // namespace

std::vector<OpDef> attention_ops() {
  return {
      {.kind = OpKind::kAttention,
       .infer = infer_attention,
       .gradient = attention_gradient,
       .flops = attention_flops,
       .place = PlaceRule::kAttention,
       .invariant_dims = "batch, kv_heads, group"},
      {.kind = OpKind::kAttentionGrad,
       .infer = infer_attention_grad,
       .flops = attention_grad_flops,
       .place = PlaceRule::kAttention,
       .invariant_dims = "batch, kv_heads"},
      {.kind = OpKind::kAttentionMerge,
       .infer = infer_attention_merge,
       .flops = attention_merge_flops,
       .in_place = 15},
  };
}

}  // namespace tutti
