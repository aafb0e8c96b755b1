#include "ir/text.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

constexpr const char* kText = R"(graph sample
input %x: f32[batch=?, seq=16, embed=32]
param %w: f32[mlp=64@tp2, embed=32] stage=0
accumulator %w.grad: f32[mlp=64@tp2, embed=32]+sum(shard2) stage=0
body
  F %y: f32[batch=?, seq=16, mlp=64@tp2] = linear(%x, %w) {contract=[embed]} stage=0 block=1
  Bw %w.grad.next: f32[mlp=64@tp2, embed=32]+sum(shard2) updates %w.grad = linear_weight_grad(%y, %x) {contract=[batch, seq]} stage=0 block=1 add=after_first
epilogue
  - %z: f32[] = dropout(%y) {key="a b", on=true, p=0.25, q=1e-05, seed=3, t=2.0} stage=0
output %z
)";

TEST(GraphText, PrintsWhatItParsed) {
  Result<Graph> graph = parse_graph(kText);
  ASSERT_TRUE(graph.ok()) << graph.message();
  EXPECT_EQ(print(*graph), kText);
}

TEST(GraphText, KeepsPlacementsAndUpdates) {
  const Graph graph = parse_graph(kText).value();
  const Value& next = graph.value(graph.find("w.grad.next"));
  EXPECT_EQ(next.updates, graph.find("w.grad"));
  EXPECT_EQ(next.placement.reduce, Reduce::kSum);
  EXPECT_EQ(local_sizes(next), (std::vector<int64_t>{32, 32}));
  EXPECT_EQ(graph.ops[1].accumulation, Accumulation::kAfterFirst);
}

TEST(GraphText, ErrorsNameLineAndWhatWasExpected) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"graph g\nparam w: f32[]\n", "line 2, column 7: expected '%'"},
      {"graph g\nparam %w: f99[]\n", "expected a dtype"},
      {"graph g\nbody\n  F %y: f32[] = linear(%x)\n", "a value defined before, %x is not"},
      {"graph g\nbody\n  F %y: f32[] = bogus()\n", "expected a kind of op"},
      {"graph g\nparam %w: f32[a=2@xx3]\n", "expected mesh axes"},
      {"graph g\nparam %w: f32[a=2]\nparam %w: f32[a=2]\n", "%w is defined twice"},
      {"", "expected 'graph NAME'"},
  };
  for (const auto& c : kCases) {
    const Result<Graph> graph = parse_graph(c.text);
    ASSERT_FALSE(graph.ok()) << c.text;
    EXPECT_NE(graph.message().find(c.message), std::string::npos) << graph.message();
  }
}

}  // namespace
}  // namespace tutti
