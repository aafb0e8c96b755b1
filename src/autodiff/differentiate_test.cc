// Text in, text out: the forward graph is parsed, the appended ops are printed.
#include "autodiff/differentiate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ir/text.h"

namespace tutti {
namespace {

struct Differentiated {
  Graph graph;
  std::vector<ParameterGradients> gradients;
  std::string added;  // the ops that were appended, one a line
};

Differentiated differentiate_text(const std::string& text, std::string_view loss = "y") {
  const OpTable ops;
  Result<Graph> graph = parse_graph(text);
  TUTTI_CHECK(graph.ok(), "{}", graph.message());
  Differentiated result{std::move(graph).value(), {}, {}};
  const size_t forward_ops = result.graph.ops.size();
  GraphBuilder builder(result.graph, ops);
  const ValueId id = result.graph.find(loss);
  const ValueType type = builder.type(id);
  const ValueId seed = builder.declare(Role::kInput, "seed", type.dtype, type.dims);
  auto gradients = differentiate(builder, ops, id, seed);
  TUTTI_CHECK(gradients.ok(), "{}", gradients.message());
  const Status status = verify(result.graph, ops);
  TUTTI_CHECK(status.ok(), "{}", status.message());
  result.gradients = std::move(gradients).value();
  for (size_t i = forward_ops; i < result.graph.ops.size(); ++i) {
    result.added += print(result.graph, result.graph.ops[i]) + "\n";
  }
  return result;
}

std::vector<std::string> names_of(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<std::string> names;
  for (ValueId id : ids) names.push_back(graph.value(id).name);
  return names;
}

int64_t count_ops(const Graph& graph, OpKind kind) {
  return std::count_if(graph.ops.begin(), graph.ops.end(),
                       [&](const Op& op) { return op.kind == kind; });
}

TEST(Differentiate, EmitsInputAndWeightGradientsApart) {
  const Differentiated d = differentiate_text(R"(graph g
input %ids: i32[batch=2]
param %table: f32[vocab=9, embed=4]
param %w: f32[mlp=3, embed=4]
param %b: f32[mlp=3]
body
  F %x: f32[batch=2, embed=4] = embedding(%ids, %table)
  F %y: f32[batch=2, mlp=3] = linear(%x, %w, %b) {contract=[embed]} block=1
)");
  EXPECT_EQ(
      d.added,
      R"(Bi %x.grad: f32[batch=2, embed=4] = linear(%seed, %w) {contract=[mlp]} block=1
Bw %w.grad: f32[mlp=3, embed=4] = linear_weight_grad(%seed, %x) {contract=[batch]} block=1
Bw %b.grad: f32[mlp=3] = bias_grad(%seed) {keep=[mlp]} block=1
)"
      R"(Bw %w.acc.next: f32[mlp=3, embed=4] updates %w.acc = accumulate(%w.acc, %w.grad) block=1
Bw %b.acc.next: f32[mlp=3] updates %b.acc = accumulate(%b.acc, %b.grad) block=1
Bw %table.grad: f32[vocab=9, embed=4] = embedding_grad(%ids, %x.grad) {row_count=9, rows="vocab"}
Bw %table.acc.next: f32[vocab=9, embed=4] updates %table.acc = accumulate(%table.acc, %table.grad)
)");
}

TEST(Differentiate, AddsTheGradientsOfAValueThatIsUsedTwice) {
  const Differentiated d = differentiate_text(R"(graph g
param %p: f32[mlp=3]
body
  F %x: f32[mlp=3] = gelu(%p)
  F %y: f32[mlp=3] = swiglu(%x, %x)
)");
  EXPECT_EQ(d.added, R"(Bi %x.grad: f32[mlp=3], %x.grad#2: f32[mlp=3] = swiglu_grad(%seed, %x, %x)
Bi %x.grad#3: f32[mlp=3] = add(%x.grad, %x.grad#2)
Bw %p.grad: f32[mlp=3] = gelu_grad(%x.grad#3, %p)
Bw %p.acc.next: f32[mlp=3] updates %p.acc = accumulate(%p.acc, %p.grad)
)");
}

TEST(Differentiate, EveryUseOfATiedParameterHasItsAccumulator) {
  const Differentiated d = differentiate_text(R"(graph g
input %ids: i32[batch=2]
input %labels: i32[batch=2]
param %table: f32[vocab=9, embed=4]
body
  F %x: f32[batch=2, embed=4] = embedding(%ids, %table)
  F %y: f32[], %lse: f32[batch=2] = linear_cross_entropy(%x, %table, %labels)
)");
  ASSERT_EQ(d.gradients.size(), 1u);
  EXPECT_EQ(names_of(d.graph, d.gradients[0].accumulators),
            (std::vector<std::string>{"table.acc", "table.acc#2"}));
  EXPECT_EQ(count_ops(d.graph, OpKind::kAccumulate), 2);
  EXPECT_EQ(count_ops(d.graph, OpKind::kAdd), 0);
  for (ValueId id : d.gradients[0].accumulators) {
    EXPECT_EQ(d.graph.value(id).role, Role::kAccumulator);
  }
}

TEST(Differentiate, DropsWhatNoParameterNeeds) {
  const Differentiated d = differentiate_text(R"(graph g
input %x: f32[batch=2, embed=4]
param %used: f32[mlp=3, embed=4]
param %unused: f32[mlp=3, embed=4]
body
  F %h: f32[batch=2, embed=4] = gelu(%x)
  F %aside: f32[batch=2, mlp=3] = linear(%h, %unused) {contract=[embed]}
  F %y: f32[batch=2, mlp=3] = linear(%h, %used) {contract=[embed]}
)");
  EXPECT_EQ(d.added,
            R"(Bw %used.grad: f32[mlp=3, embed=4] = linear_weight_grad(%seed, %h) {contract=[batch]}
Bw %used.acc.next: f32[mlp=3, embed=4] updates %used.acc = accumulate(%used.acc, %used.grad)
)");
  ASSERT_EQ(d.gradients.size(), 1u);
  EXPECT_EQ(d.graph.value(d.gradients[0].parameter).name, "used");
}

TEST(Differentiate, BothSidesOfAnAdditionShareItsGradient) {
  const Differentiated d = differentiate_text(R"(graph g
param %a: f32[mlp=3]
param %b: f32[mlp=3]
body
  F %y: f32[mlp=3] = add(%a, %b)
)");
  EXPECT_EQ(d.added, R"(Bw %a.acc.next: f32[mlp=3] updates %a.acc = accumulate(%a.acc, %seed)
Bw %b.acc.next: f32[mlp=3] updates %b.acc = accumulate(%b.acc, %seed)
)");
}

TEST(Differentiate, ParametersComeInOrderOfDeclaration) {
  const Differentiated d = differentiate_text(R"(graph g
param %first: f32[mlp=3]
param %second: f32[mlp=3]
body
  F %x: f32[mlp=3] = gelu(%second)
  F %z: f32[mlp=3] = gelu(%first)
  F %y: f32[mlp=3] = add(%z, %x)
)");
  ASSERT_EQ(d.gradients.size(), 2u);
  EXPECT_EQ(d.graph.value(d.gradients[0].parameter).name, "first");
  EXPECT_EQ(d.graph.value(d.gradients[1].parameter).name, "second");
}

TEST(Differentiate, RefusesALossThatNoParameterReaches) {
  const OpTable ops;
  Graph graph = parse_graph("graph g\ninput %x: f32[]\nbody\n  F %y: f32[] = gelu(%x)\n").value();
  GraphBuilder builder(graph, ops);
  const ValueId seed = builder.declare(Role::kInput, "seed", DType::kF32, {});
  const auto gradients = differentiate(builder, ops, graph.find("y"), seed);
  ASSERT_FALSE(gradients.ok());
  EXPECT_NE(gradients.message().find("the loss %y depends on no parameter"), std::string::npos);
}

}  // namespace
}  // namespace tutti
