#include "ops/op_def.h"

#include <gtest/gtest.h>

#include "ir/text.h"

namespace tutti {
namespace {

Graph graph_of(const std::string& declarations) {
  Result<Graph> graph = parse_graph("graph g\n" + declarations);
  TUTTI_CHECK(graph.ok(), "{}", graph.message());
  return std::move(graph).value();
}

// An op on the declared values, in their order.
Op op_on(const Graph& graph, OpKind kind, const Attributes& attributes) {
  Op op;
  op.kind = kind;
  op.attributes = attributes;
  for (size_t i = 0; i < graph.values.size(); ++i) {
    op.inputs.push_back(ValueId(static_cast<int64_t>(i)));
  }
  return op;
}

const Attributes kContractEmbed{{"contract", std::vector<std::string>{"embed"}}};

TEST(OpTable, HasARowForEveryKind) {
  const OpTable ops;
  for (size_t i = 0; i < kOpKindCount; ++i) {
    const OpDef& def = ops[static_cast<OpKind>(i)];
    EXPECT_EQ(static_cast<size_t>(def.kind), i) << kOpNames[i];
    EXPECT_NE(def.infer, nullptr) << kOpNames[i];
    EXPECT_FALSE(def.invariant_dims.empty()) << kOpNames[i];
  }
}

TEST(OpTable, InfersTypes) {
  const struct {
    OpKind kind;
    const char* inputs;
    Attributes attributes;
    std::vector<const char*> types;
  } kCases[] = {
      {OpKind::kLinear,
       "param %x: f32[batch=?, seq=3, embed=4]\nparam %w: f32[kv_heads=2, head_dim=5, embed=4]\n",
       kContractEmbed,
       {"f32[batch=?, seq=3, kv_heads=2, head_dim=5]"}},
      {OpKind::kLinear,
       "param %x: f32[batch=2, embed=4]\nparam %w: bf16[mlp=3, embed=4]\nparam %b: f32[mlp=3]\n",
       kContractEmbed,
       {"f32[batch=2, mlp=3]"}},
      {OpKind::kLinearWeightGrad,
       "param %dy: f32[batch=?, seq=3, mlp=7]\nparam %x: f32[batch=?, seq=3, embed=4]\n",
       {{"contract", std::vector<std::string>{"batch", "seq"}}},
       {"f32[mlp=7, embed=4]"}},
      {OpKind::kEmbedding,
       "input %ids: i32[batch=2, seq=3]\nparam %w: f32[vocab=9, embed=4]\n",
       {},
       {"f32[batch=2, seq=3, embed=4]"}},
      {OpKind::kEmbedding,
       "input %ids: i32[batch=2]\nparam %w: bf16[vocab=9, embed=4]\n",
       {},
       {"f32[batch=2, embed=4]"}},
      {OpKind::kAttention,
       "param %q: f32[batch=2, seq=3, kv_heads=2, group=4, head_dim=8]\n"
       "param %k: f32[batch=2, context=9, kv_heads=2, head_dim=8]\n"
       "param %v: f32[batch=2, context=9, kv_heads=2, head_dim=8]\nscalar %n: i32[]\n",
       {},
       {"f32[batch=2, seq=3, kv_heads=2, group=4, head_dim=8]",
        "f32[batch=2, kv_heads=2, group=4, seq=3]"}},
      {OpKind::kRelabel,
       "param %x: f32[batch=2, seq=3]\n",
       {{"from", "seq"}, {"to", "stream_seq"}},
       {"f32[batch=2, stream_seq=3]"}},
      {OpKind::kLinearCrossEntropy,
       "param %x: f32[batch=2, embed=4]\nparam %w: f32[vocab=9, embed=4]\ninput %l: i32[batch=2]\n",
       {},
       {"f32[]", "f32[batch=2]"}},
      {OpKind::kTakePosition,
       "param %x: f32[batch=2, seq=3, embed=4]\nscalar %i: i32[]\n",
       {},
       {"f32[batch=2, embed=4]"}},
  };
  const OpTable ops;
  for (const auto& c : kCases) {
    const Graph graph = graph_of(c.inputs);
    const auto types = ops.infer(graph, op_on(graph, c.kind, c.attributes));
    ASSERT_TRUE(types.ok()) << types.message();
    ASSERT_EQ(types.value().size(), c.types.size()) << op_name(c.kind);
    for (size_t i = 0; i < c.types.size(); ++i) {
      EXPECT_EQ(to_string(types.value()[i], {}), c.types[i]);
    }
  }
}

// The message of each begins with the op and its values; what follows is what is wrong.
const struct {
  OpKind kind;
  const char* inputs;
  Attributes attributes;
  const char* where;
  const char* what;
} kErrorCases[] = {
    {OpKind::kLinear, "param %x: f32[batch=2, embed=4]\n", kContractEmbed, "linear of %x",
     "1 inputs, expected 2 to 3"},
    {OpKind::kLinear, "param %x: f32[batch=2, mlp=4]\nparam %w: f32[mlp=3, embed=4]\n",
     kContractEmbed, "linear of %x, %w", "%x lacks a dim of contract=[embed]"},
    {OpKind::kLinear, "param %x: f32[batch=2, embed=4]\nparam %w: f32[mlp=3, embed=5]\n",
     kContractEmbed, "linear of %x, %w", "%w is f32[mlp=3, embed=5]"},
    {OpKind::kLinear, "param %x: f32[batch=2, embed=4]\nparam %w: f16[mlp=3, embed=4]\n",
     kContractEmbed, "linear of %x, %w", "%w is f16, expected f32"},
    {OpKind::kLinear, "param %x: f32[batch=2, embed=4]\nparam %w: bf16[embed=4, mlp=3]\n",
     kContractEmbed, "linear of %x, %w", "expected it to end with bf16[embed=4]"},
    {OpKind::kLinear,
     "param %x: f32[batch=2, embed=4]\nparam %w: bf16[mlp=3, embed=4]\nparam %b: bf16[mlp=3]\n",
     kContractEmbed, "linear of %x, %w, %b", "%b is bf16, expected f32"},
    {OpKind::kLinear,
     "param %x: f32[batch=2, embed=4]\nparam %w: f32[mlp=3, embed=4]\nparam %b: f32[mlp=5]\n",
     kContractEmbed, "linear of %x, %w, %b", "%b is f32[mlp=5], expected f32[mlp=3]"},
    {OpKind::kLinearWeightGrad,
     "param %dy: f32[mlp=3, batch=2]\nparam %x: f32[batch=2, embed=4]\n",
     {{"contract", std::vector<std::string>{"batch"}}},
     "linear_weight_grad of %dy, %x",
     "must start with contract=[batch]"},
    {OpKind::kEmbedding,
     "param %ids: f32[batch=2]\nparam %w: f32[vocab=9, embed=4]\n",
     {},
     "embedding of %ids, %w",
     "%ids is f32, expected i32"},
    {OpKind::kEmbedding,
     "input %ids: i32[batch=2]\nparam %w: f32[vocab=9]\n",
     {},
     "embedding of %ids, %w",
     "the table %w needs a dim of rows"},
    {OpKind::kRmsNorm,
     "param %x: f32[batch=2, embed=4]\nparam %w: f32[mlp=4]\n",
     {},
     "rms_norm of %x, %w",
     "%x is f32[batch=2, embed=4], expected it to end with f32[mlp=4]"},
    {OpKind::kLayerNorm,
     "param %x: f32[batch=2, embed=4]\nparam %w: f32[embed=4]\nparam %b: f32[mlp=4]\n",
     {},
     "layer_norm of %x, %w, %b",
     "%b is f32[mlp=4] but %w is f32[embed=4]"},
    {OpKind::kRope,
     "param %x: f32[batch=2, head_dim=5]\ninput %p: i32[batch=2]\n",
     {},
     "rope of %x, %p",
     "head_dim = 5 of %x must be even"},
    {OpKind::kRope,
     "param %x: f32[batch=2, head_dim=4]\ninput %p: i32[seq=2]\n",
     {},
     "rope of %x, %p",
     "%x must start with the dims of the positions %p"},
    {OpKind::kAttention,
     "param %q: f32[batch=2, seq=3]\nparam %k: f32[batch=2]\nparam %v: f32[batch=2]\n",
     {},
     "attention of %q, %k, %v",
     "%q has 2 dims, %k has 1"},
    {OpKind::kAttentionGrad,
     "param %do: f32[batch=2, seq=3, kv_heads=2, group=4, head_dim=8]\n"
     "param %q: f32[batch=2, seq=3, kv_heads=2, group=4, head_dim=8]\n"
     "param %k: f32[batch=2, seq=3, kv_heads=2, head_dim=8]\n"
     "param %v: f32[batch=2, seq=3, kv_heads=2, head_dim=8]\n"
     "param %o: f32[batch=2, seq=3, kv_heads=2, group=4, head_dim=8]\n"
     "param %lse: f32[batch=2, kv_heads=2, group=4, seq=3]\n"
     "input %segments: i32[batch=2, seq=3]\n",
     {},
     "attention_grad of %do, %q, %k, %v, %o, %lse, %segments",
     "7 inputs beside the step, expected 6, or 8 with the segments"},
    {OpKind::kAttention,
     "param %q: f32[batch=2, seq=6, kv_heads=2, group=4, head_dim=8]\n"
     "param %k: f32[batch=2, seq=6, kv_heads=2, head_dim=8]\n"
     "param %v: f32[batch=2, seq=6, kv_heads=2, head_dim=8]\n",
     {{"order", int64_t{2}}},
     "attention of %q, %k, %v",
     "seq = 6 with order = 2, expected order >= 1 and seq to be a multiple of 4"},
    {OpKind::kAttention,
     "param %q: f32[batch=2, seq=3, kv_heads=2, group=4, head_dim=8]\n"
     "param %k: f32[batch=2, context=9, kv_heads=2, head_dim=8]\n"
     "param %v: f32[batch=2, context=9, kv_heads=2, head_dim=8]\nscalar %n: i32[]\n",
     {{"key_shift", int64_t{0}}},
     "attention of %q, %k, %v, %n",
     "not seq = 3 and context = 9 of a cache"},
    {OpKind::kAttentionMerge,
     "param %oa: f32[batch=2, seq=3, kv_heads=2, group=4, head_dim=8]\n"
     "param %la: f32[batch=2, kv_heads=2, group=4, seq=3]\n"
     "param %ob: f32[batch=2, seq=3, kv_heads=2, group=4, head_dim=8]\n"
     "param %lb: f32[batch=2, seq=3, kv_heads=2, group=4]\n",
     {},
     "attention_merge of %oa, %la, %ob, %lb",
     "%lb is f32[batch=2, seq=3, kv_heads=2, group=4], expected f32[batch=2, kv_heads=2, group=4, "
     "seq=3]"},
    {OpKind::kSwiglu,
     "param %gate: f32[mlp=3]\nparam %up: f32[mlp=4]\n",
     {},
     "swiglu of %gate, %up",
     "%up is f32[mlp=4] but %gate is f32[mlp=3]"},
    {OpKind::kDropout,
     "param %x: f32[mlp=3]\nscalar %step: i64[]\n",
     {{"p", 1.0}},
     "dropout of %x, %step",
     "p = 1, expected 0 <= p < 1"},
    {OpKind::kDropout,
     "param %x: f32[mlp=3, seq=4]\nscalar %step: i64[]\n",
     {{"order", int64_t{3}}, {"p", 0.5}},
     "dropout of %x, %step",
     "seq = 4 with order = 3"},
    {OpKind::kDropout,
     "param %x: f32[seq=4, mlp=3]\nscalar %step: i64[]\n",
     {{"order", int64_t{2}}, {"p", 0.5}},
     "dropout of %x, %step",
     "expected as the second dim of %x"},
    {OpKind::kRelabel,
     "param %x: f32[mlp=3]\n",
     {{"from", "seq"}, {"to", "stream_seq"}},
     "relabel of %x",
     "%x has no dim seq"},
    {OpKind::kLinearCrossEntropy,
     "param %x: f32[batch=2, embed=4]\nparam %w: f32[vocab=9, embed=5]\ninput %l: i32[batch=2]\n",
     {},
     "linear_cross_entropy of %x, %w, %l",
     "%x to end with the last dim of %w"},
    {OpKind::kScale,
     "param %x: f32[mlp=3]\nparam %f: f32[mlp=3]\n",
     {},
     "scale of %x, %f",
     "%f is f32[mlp=3], expected f32[]"},
    {OpKind::kClipFactor, "input %s: f32[]\n", {}, "clip_factor of %s", "%s is f32, expected f64"},
    {OpKind::kReplicaSum,
     "param %a: f32[mlp=3]\nparam %b: f32[mlp=4]\n",
     {},
     "replica_sum of %a, %b",
     "%b is f32[mlp=4] but %a is f32[mlp=3]"},
};

TEST(OpTable, ErrorsNameOpAndValue) {
  const OpTable ops;
  for (const auto& c : kErrorCases) {
    const Graph graph = graph_of(c.inputs);
    const auto types = ops.infer(graph, op_on(graph, c.kind, c.attributes));
    ASSERT_FALSE(types.ok()) << c.where << ", " << c.what;
    EXPECT_TRUE(types.message().starts_with(std::string(c.where) + ": ")) << types.message();
    EXPECT_NE(types.message().find(c.what), std::string::npos) << types.message();
  }
}

TEST(OpTable, ProductsTakeTwoFlopsAnElementOnTheirPartOfTheMesh) {
  const OpTable ops;
  const Graph graph = parse_graph(
                          "graph g\nparam %x: f32[batch=8@shard2, embed=4]\n"
                          "param %w: f32[mlp=6@tp3, embed=4]\nbody\n"
                          "  F %y: f32[batch=8@shard2, mlp=6@tp3] = linear(%x, %w) "
                          "{contract=[embed]}\n")
                          .value();
  EXPECT_EQ(op_flops(ops, graph, graph.ops[0]), 2.0 * 4 * 2 * 4);
  EXPECT_EQ(op_bytes(graph, graph.ops[0]), 4.0 * (4 * 4 + 2 * 4 + 4 * 2));
}

// Keys that a query sees on average over the ranks, from the flops of attention.
double keys_seen(const std::string& cut, const std::string& cut_keys,
                 const std::string& attributes) {
  const std::string q = "f32[batch=2, seq=48" + cut + ", kv_heads=2, group=3, head_dim=8]";
  const std::string k = "f32[batch=2, seq=48" + cut_keys + ", kv_heads=2, head_dim=8]";
  const Graph graph =
      parse_graph("graph g\nparam %q: " + q + "\nparam %k: " + k + "\nparam %v: " + k +
                  "\nbody\n  F %o: " + q + ", %lse: f32[batch=2, kv_heads=2, group=3, seq=48" +
                  cut + "] = attention(%q, %k, %v) {" + attributes + "}\n")
          .value();
  return op_flops(OpTable(), graph, graph.ops[0]) / (4 * local_count(graph, ValueId(0)));
}

TEST(OpTable, AttentionCountsTheKeysThatItsQueriesSee) {
  EXPECT_EQ(keys_seen("", "", "causal=false"), 48);
  EXPECT_EQ(keys_seen("", "", "causal=true"), 24);
  EXPECT_EQ(keys_seen("@cp4", "", "causal=true, order=4"), 24);
  // Steps of a ring. Half of another rank's 12 keys are seen in zigzag order, wherever it is.
  const std::string zigzag = "causal=true, order=4, key_shift=";
  EXPECT_EQ(keys_seen("@cp4", "@cp4", zigzag + "0"), 6.5);
  EXPECT_EQ(keys_seen("@cp4", "@cp4", zigzag + "1"), 6);
  EXPECT_EQ(keys_seen("@cp4", "@cp4", zigzag + "3"), 6);
  // In natural order three ranks see all of the keys one rank before them, and rank 0 none.
  EXPECT_EQ(keys_seen("@cp4", "@cp4", "causal=true, key_shift=1"), 9);
  EXPECT_EQ(keys_seen("@cp4", "@cp4", "causal=true, key_shift=3"), 3);
  EXPECT_EQ(keys_seen("@cp4", "@cp4", "causal=false, order=4, key_shift=1"), 12);
  // All steps together: (1 + 2 + ... + 7 + 41 * 7) / 48 keys in a window of 7.
  double seen = 0;
  for (const char* shift : {"0", "1", "2", "3"}) {
    seen += keys_seen("@cp4", "@cp4", std::string("window=7, ") + zigzag + shift);
  }
  EXPECT_DOUBLE_EQ(seen, (28 + 41 * 7) / 48.0);
}

}  // namespace
}  // namespace tutti
