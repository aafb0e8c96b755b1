// Gradient rules against central differences, on the oracle.
//
// The gradient of sum(weight * output 0) comes from differentiate(), to which the random weight is
// the seed. The differences are taken of that sum in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autodiff/differentiate.h"
#include "kernels/cpu/kernels.h"
#include "kernels/op_cases_test.h"

namespace tutti {
namespace {

constexpr float kStep = 0x1p-6f;
constexpr int64_t kElementsMax = 24;  // of one operand; more are sampled

struct Gradients {
  Graph graph;
  ValueId seed;
  std::vector<ParameterGradients> parameters;
};

Gradients differentiate_case(const OpCase& op_case, const OpTable& ops) {
  Gradients result{graph_of(op_case), {}, {}};
  GraphBuilder builder(result.graph, ops);
  const ValueId loss = result.graph.ops.back().outputs[0];
  const ValueType type = builder.type(loss);
  result.seed = builder.declare(Role::kInput, "seed", type.dtype, type.dims);
  auto gradients = differentiate(builder, ops, loss, result.seed);
  TUTTI_CHECK(gradients.ok(), "{}: {}", label(op_case), gradients.message());
  const Status status = verify(result.graph, ops);
  TUTTI_CHECK(status.ok(), "{}: {}", label(op_case), status.message());
  result.parameters = std::move(gradients).value();
  return result;
}

std::vector<int64_t> some_elements(int64_t count, cpu::RandomInputs& random) {
  std::vector<int64_t> all(static_cast<size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  if (count <= kElementsMax) return all;
  std::vector<int64_t> some;
  for (int32_t i : random.integers(kElementsMax, 0, static_cast<int32_t>(count) - 1)) {
    some.push_back(i);
  }
  return some;
}

// The relative error of a gradient over some elements of a parameter: |gradient - difference| /
// |difference|, as vectors.
double relative_error(GraphRunner& forward, ValueId output, ValueId parameter,
                      const std::vector<double>& seed, std::span<const float> gradient,
                      cpu::RandomInputs& random) {
  const auto loss = [&] {
    forward.run();
    const std::vector<double> y = forward.values(output);
    return std::inner_product(y.begin(), y.end(), seed.begin(), 0.0);
  };
  double error = 0, norm = 0;
  const std::span<float> x = forward.elements<float>(parameter);
  for (int64_t element : some_elements(static_cast<int64_t>(x.size()), random)) {
    const size_t i = static_cast<size_t>(element);
    const float before = x[i], above = before + kStep, below = before - kStep;
    x[i] = above;
    const double up = loss();
    x[i] = below;
    const double difference = (up - loss()) / (static_cast<double>(above) - below);
    x[i] = before;
    error += (gradient[i] - difference) * (gradient[i] - difference);
    norm += difference * difference;
  }
  return std::sqrt(error) / std::max(std::sqrt(norm), 1e-3);
}

TEST(OpGradients, EqualCentralDifferences) {
  cpu::RandomInputs random;
  const OpTable ops;
  const auto oracle = make_cpu_backend(cpu::oracle_kernels(), 1);
  std::vector<bool> seen(kOpKindCount, false);
  for (const OpCase& op_case : all_op_cases()) {
    if (ops[op_case.kind].gradient == nullptr || !op_case.differentiable) continue;
    seen[static_cast<size_t>(op_case.kind)] = true;
    const Graph graph = graph_of(op_case);
    GraphRunner forward(graph, *oracle);
    fill(op_case, graph, random, forward);

    const Gradients gradients = differentiate_case(op_case, ops);
    GraphRunner backward(gradients.graph, *oracle);
    for (ValueId id : graph.ops.back().inputs) backward.take(forward, id);
    fill_normal(gradients.seed, random, backward);
    backward.run();
    EXPECT_TRUE(backward.in_bounds()) << label(op_case);

    for (const ParameterGradients& entry : gradients.parameters) {
      ASSERT_EQ(entry.accumulators.size(), 1u);
      const double error = relative_error(forward, graph.ops.back().outputs[0], entry.parameter,
                                          backward.values(gradients.seed),
                                          backward.elements<float>(entry.accumulators[0]), random);
      EXPECT_LT(error, 2e-3) << label(op_case) << ", %" << graph.value(entry.parameter).name;
    }
  }
  for (size_t i = 0; i < kOpKindCount; ++i) {
    const bool differentiable = ops[static_cast<OpKind>(i)].gradient != nullptr;
    EXPECT_EQ(seen[i], differentiable) << kOpNames[i];
  }
}

TEST(OpGradients, EveryFloatInputThatAnOutputDependsOnHasOne) {
  const OpTable ops;
  for (const OpCase& op_case : all_op_cases()) {
    if (ops[op_case.kind].gradient == nullptr || !op_case.differentiable) continue;
    const Gradients gradients = differentiate_case(op_case, ops);
    const auto floats = std::count_if(gradients.graph.values.begin(), gradients.graph.values.end(),
                                      [](const Value& v) { return v.role == Role::kParameter; });
    EXPECT_EQ(static_cast<int64_t>(gradients.parameters.size()), floats) << label(op_case);
  }
}

}  // namespace
}  // namespace tutti
