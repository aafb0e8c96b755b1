#include "kernels/op_cases_test.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/builder.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "kernels/cpu/kernels.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

std::vector<ValueId> outputs_of(const Graph& graph) { return graph.ops.back().outputs; }

// The largest |a - b| / max(1, |b|); infinite where one is NaN, or infinite alone.
double largest_error(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    const double error = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    if (!(error < INFINITY)) return INFINITY;
    worst = std::max(worst, error);
  }
  return worst;
}

// A runner with the contents of `from`, and what its op left when it had run.
GraphRunner ran(const Graph& graph, const Backend& backend, const GraphRunner& from,
                const OpCase& op_case, bool accumulate, int threads) {
  GraphRunner runner(graph, backend, threads, std::nullopt, op_case.coordinate);
  for (size_t i = 0; i < graph.values.size(); ++i) runner.take(from, ValueId(static_cast<int>(i)));
  runner.run(accumulate);
  EXPECT_TRUE(runner.in_bounds()) << "wrote past the end of an output or of the workspace";
  return runner;
}

TEST(OpCases, EveryOpIsLocalOrMovesDataBetweenRanks) {
  const auto backend = make_cpu_backend(cpu::oracle_kernels(), 1);
  for (size_t i = 0; i < kOpKindCount; ++i) {
    const OpKind kind = static_cast<OpKind>(i);
    const bool local = !is_communication(kind) && !is_copy(kind);
    EXPECT_EQ(backend->runs(kind), local) << op_name(kind);
  }
}

TEST(OpCases, EveryLocalOpHasACase) {
  const auto backend = make_cpu_backend(cpu::oracle_kernels(), 1);
  std::vector<bool> has_case(kOpKindCount, false);
  for (const OpCase& op_case : all_op_cases()) has_case[static_cast<size_t>(op_case.kind)] = true;
  for (size_t i = 0; i < kOpKindCount; ++i) {
    EXPECT_EQ(has_case[i], backend->runs(static_cast<OpKind>(i))) << kOpNames[i];
  }
}

TEST(OpCases, EveryInstanceEqualsTheOracle) {
  cpu::RandomInputs random;
  const auto oracle = make_cpu_backend(cpu::oracle_kernels(), 1);
  for (const OpCase& op_case : all_op_cases()) {
    const Graph graph = graph_of(op_case);
    GraphRunner start(graph, *oracle, 1, std::nullopt, op_case.coordinate);
    fill(op_case, graph, random, start);
    for (const bool accumulate : {false, true}) {
      const GraphRunner expected = ran(graph, *oracle, start, op_case, accumulate, 1);
      for (const cpu::Kernels* kernels : cpu::fast_tables()) {
        SCOPED_TRACE(label(op_case) + " on " + kernels->name + (accumulate ? ", adding" : ""));
        const auto backend = make_cpu_backend(*kernels, 2);
        const GraphRunner actual = ran(graph, *backend, start, op_case, accumulate, 0);
        for (ValueId id : outputs_of(graph)) {
          EXPECT_LT(largest_error(actual.values(id), expected.values(id)), 2e-5)
              << graph.value(id).name;
        }
      }
    }
  }
}

TEST(OpCases, AccumulatingAddsToWhatWasThere) {
  cpu::RandomInputs random;
  const OpTable ops;
  for (const OpCase& op_case : all_op_cases()) {
    const uint32_t accumulates = ops[op_case.kind].accumulates;
    const Graph graph = graph_of(op_case);
    for (const cpu::Kernels* kernels : cpu::all_tables()) {
      SCOPED_TRACE(label(op_case) + " on " + kernels->name);
      const auto backend = make_cpu_backend(*kernels, 1);
      GraphRunner start(graph, *backend, 1, std::nullopt, op_case.coordinate);
      fill(op_case, graph, random, start);
      const GraphRunner written = ran(graph, *backend, start, op_case, false, 1);
      const GraphRunner added = ran(graph, *backend, start, op_case, true, 1);
      for (size_t o = 0; o < outputs_of(graph).size(); ++o) {
        const ValueId id = outputs_of(graph)[o];
        std::vector<double> expected = written.values(id);
        if (accumulates >> o & 1u) {
          const std::vector<double> before = start.values(id);
          for (size_t i = 0; i < expected.size(); ++i) expected[i] += before[i];
        }
        EXPECT_LT(largest_error(added.values(id), expected), 2e-5) << graph.value(id).name;
      }
    }
  }
}

TEST(OpCases, AnOutputMayOverwriteTheInputsThatItsOpNames) {
  cpu::RandomInputs random;
  const OpTable ops;
  int overwritten = 0;
  for (const OpCase& op_case : all_op_cases()) {
    const uint32_t in_place = ops[op_case.kind].in_place;
    const Graph graph = graph_of(op_case);
    const Op& op = graph.ops.back();
    for (const cpu::Kernels* kernels : cpu::all_tables()) {
      const auto backend = make_cpu_backend(*kernels, 1);
      GraphRunner start(graph, *backend, 1, std::nullopt, op_case.coordinate);
      fill(op_case, graph, random, start);
      const GraphRunner expected = ran(graph, *backend, start, op_case, false, 1);
      for (size_t j = 0; j < op.inputs.size(); ++j) {
        for (ValueId output : op.outputs) {
          const bool allowed =
              (in_place >> j & 1u) && graph.value(op.inputs[j]).type == graph.value(output).type;
          if (!allowed) continue;
          SCOPED_TRACE(fmt::format("{} on {}: %{} over %{}", label(op_case), kernels->name,
                                   graph.value(output).name, graph.value(op.inputs[j]).name));
          GraphRunner actual(graph, *backend, 1, std::nullopt, op_case.coordinate);
          for (ValueId id : op.inputs) actual.take(start, id);
          actual.overlay(output, op.inputs[j]);
          actual.run();
          for (ValueId id : op.outputs) EXPECT_EQ(actual.bytes(id), expected.bytes(id));
          ++overwritten;
        }
      }
    }
  }
  EXPECT_GT(overwritten, 30);
}

}  // namespace

std::vector<OpCase> all_op_cases() {
  std::vector<OpCase> all;
  for (auto* group : {model_op_cases, gradient_op_cases, step_op_cases}) {
    for (OpCase& op_case : group()) all.push_back(std::move(op_case));
  }
  return all;
}

Graph graph_of(const OpCase& op_case) {
  std::string text = "graph case\n";
  for (size_t i = 0; i < op_case.inputs.size(); ++i) {
    const std::string& type = op_case.inputs[i].type;
    const Role role = type.starts_with("f32") ? Role::kParameter : Role::kInput;
    text += fmt::format("{} %in{}: {}\n", role_name(role), i, type);
  }
  Result<Graph> parsed = parse_graph(text);
  TUTTI_CHECK(parsed.ok(), "{}: {}", label(op_case), parsed.message());
  Graph graph = std::move(parsed).value();

  const OpTable ops;
  Op probe;
  probe.kind = op_case.kind;
  probe.attributes = op_case.attributes;
  for (size_t i = 0; i < op_case.inputs.size(); ++i)
    probe.inputs.push_back(ValueId(static_cast<int>(i)));
  const auto types = ops.infer(graph, probe);
  TUTTI_CHECK(types.ok(), "{}: {}", label(op_case), types.message());
  std::vector<std::string> names;
  for (size_t i = 0; i < types.value().size(); ++i) names.push_back(fmt::format("out{}", i));
  GraphBuilder builder(graph, ops);
  const auto outputs = builder.emit(op_case.kind, probe.inputs, op_case.attributes, names);
  for (int i = 0; i < op_case.updates; ++i) {
    graph.value(outputs[static_cast<size_t>(i)]).updates = ValueId(i);
  }
  // A slice leaves one dim of its output cut.
  Value& first = graph.value(outputs[0]);
  const int cut = dim_index(first.type.dims, op_case.attributes.get_string("dim"));
  if (cut >= 0) {
    const auto axes = parse_axis_list(op_case.attributes.get_string("axes"));
    first.placement.dims[static_cast<size_t>(cut)] = axes.value();
  }
  const Status status = verify(graph, ops);
  TUTTI_CHECK(status.ok(), "{}: {}", label(op_case), status.message());
  return graph;
}

void fill_normal(ValueId id, cpu::RandomInputs& random, GraphRunner& runner) {
  const Operand& operand = runner.operand(id);
  if (operand.dtype == DType::kF32) {
    const std::vector<float> values = random.normal(operand.count());
    std::copy(values.begin(), values.end(), operand.as<float>());
  } else if (operand.dtype == DType::kBF16) {
    const std::vector<float> values = random.normal(operand.count());
    std::transform(values.begin(), values.end(), operand.as<uint16_t>(), f32_to_bf16);
  } else {
    TUTTI_CHECK(operand.dtype == DType::kF64, "{} needs a range", dtype_name(operand.dtype));
    const std::vector<float> values = random.normal(operand.count());
    std::copy(values.begin(), values.end(), operand.as<double>());
  }
}

void fill(const OpCase& op_case, const Graph& graph, cpu::RandomInputs& random,
          GraphRunner& runner) {
  for (size_t i = 0; i < op_case.inputs.size(); ++i) {
    const CaseInput& input = op_case.inputs[i];
    const ValueId id(static_cast<int>(i));
    const Operand& operand = runner.operand(id);
    if (input.normal) {
      fill_normal(id, random, runner);
    } else if (dtype_info(operand.dtype).floating) {
      const std::vector<float> values = random.uniform(
          operand.count(), static_cast<float>(input.low), static_cast<float>(input.high));
      if (operand.dtype == DType::kF32) {
        std::copy(values.begin(), values.end(), operand.as<float>());
      } else {
        std::copy(values.begin(), values.end(), operand.as<double>());
      }
    } else {
      const std::vector<int32_t> values = random.integers(
          operand.count(), static_cast<int32_t>(input.low), static_cast<int32_t>(input.high));
      if (operand.dtype == DType::kI32) {
        std::copy(values.begin(), values.end(), operand.as<int32_t>());
      } else {
        std::copy(values.begin(), values.end(), operand.as<int64_t>());
      }
    }
  }
  for (ValueId id : graph.ops.back().outputs) {
    if (!graph.value(id).updates.valid()) fill_normal(id, random, runner);
  }
}

std::string label(const OpCase& op_case) {
  return fmt::format("{}/{}", op_name(op_case.kind), op_case.name);
}

bool uses_products(OpKind kind) {
  switch (kind) {
    case OpKind::kLinear:
    case OpKind::kLinearWeightGrad:
    case OpKind::kLinearCrossEntropy:
    case OpKind::kLinearCrossEntropyGrad:
    case OpKind::kLinearCrossEntropyFused:
    case OpKind::kLogitsStats:
      return true;
    default:
      return false;
  }
}

}  // namespace tutti
