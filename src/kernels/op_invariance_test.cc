// What docs/invariance.md promises: a part of the declared dims, computed alone, has the bits that
// it has in the whole; and the number of threads changes none.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/cpu/kernels.h"
#include "kernels/op_cases_test.h"

namespace tutti {
namespace {

// What an entry of the table means in the names of the cases: the dims of an output that are not
// among the declared. (The contracted, the ids' and the summed dims are in no output.)
struct Declaration {
  std::string_view declared;
  std::vector<std::string> excluded;
};

const std::vector<Declaration>& declarations() {
  static const std::vector<Declaration> kDeclarations = {
      {"*", {}},
      {"all but head_dim", {"head_dim"}},
      {"all but context", {"context"}},
      {"all but the normalised", {"embed", "head_dim"}},
      {"the normalised", {}},
      {"the kept dims", {}},
      {"all but those of the ids", {}},
      {"all but the contracted, at the canonical unit", {}},
      {"the tokens' dims, except for the loss and the weight gradient", {"embed", "vocab"}},
      {"batch, kv_heads, group", {"seq", "head_dim"}},
      {"batch, kv_heads", {"seq", "group", "head_dim"}},
  };
  return kDeclarations;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The dims over which the case is cut.
std::vector<Dim> invariant_dims(const OpCase& op_case, const OpDef& def, const Graph& graph) {
  const auto& all = declarations();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Declaration& d) {
    return d.declared == def.invariant_dims;
  });
  TUTTI_CHECK(found != all.end(), "say here what \"{}\" of {} means", def.invariant_dims,
              op_name(def.kind));
  std::vector<Dim> dims;
  for (ValueId id : graph.ops.back().outputs) {
    for (const Dim& dim : graph.value(id).type.dims) {
      const bool excluded =
          contains(found->excluded, dim.name) || contains(op_case.uncut, dim.name);
      if (!excluded && dim_index(dims, dim.name) < 0) dims.push_back(dim);
    }
  }
  return dims;
}

// Halves and one element in the middle.
std::vector<DimRange> ranges_of(const Dim& dim) {
  const int64_t middle = dim.size / 2;
  std::vector<DimRange> ranges{{dim.name, middle, middle + 1}};
  if (middle > 0) {
    ranges.push_back({dim.name, 0, middle});
    ranges.push_back({dim.name, middle, dim.size});
  }
  return ranges;
}

std::vector<const cpu::Kernels*> tables_for(OpKind kind) {
  // oneDNN promises nothing about calls of different shapes.
  return uses_products(kind) ? std::vector<const cpu::Kernels*>{&cpu::oracle_kernels()}
                             : cpu::all_tables();
}

TEST(OpInvariance, APartHasTheBitsOfTheWhole) {
  cpu::RandomInputs random;
  const OpTable ops;
  std::vector<bool> compared(kOpKindCount, false);
  for (const OpCase& op_case : all_op_cases()) {
    const Graph graph = graph_of(op_case);
    const Op& op = graph.ops.back();
    for (const cpu::Kernels* kernels : tables_for(op_case.kind)) {
      const auto backend = make_cpu_backend(*kernels, 1);
      GraphRunner whole(graph, *backend, 1, std::nullopt, op_case.coordinate);
      fill(op_case, graph, random, whole);
      GraphRunner start(graph, *backend, 1, std::nullopt, op_case.coordinate);
      for (ValueId id : op.inputs) start.take(whole, id);
      whole.run();
      for (const Dim& dim : invariant_dims(op_case, ops[op_case.kind], graph)) {
        for (const DimRange& range : ranges_of(dim)) {
          SCOPED_TRACE(fmt::format("{} on {}: {} from {} to {}", label(op_case), kernels->name,
                                   range.dim, range.begin, range.end));
          GraphRunner part(graph, *backend, 1, range, op_case.coordinate);
          for (ValueId id : op.inputs) part.take(start, id);
          part.run();
          EXPECT_TRUE(part.in_bounds());
          for (ValueId id : op.outputs) {
            if (part.operand(id).dim(range.dim) < 0) continue;
            EXPECT_EQ(part.bytes(id), part_of(whole.operand(id), part.operand(id)))
                << graph.value(id).name;
            compared[static_cast<size_t>(op_case.kind)] = true;
          }
        }
      }
    }
  }
  // Nothing is left to cut of scalars, and parts of a bucket are counted in local elements.
  for (OpKind kind : {OpKind::kCountLabels, OpKind::kReciprocal, OpKind::kSumSquares,
                      OpKind::kClipFactor, OpKind::kBucketView, OpKind::kBucketPack}) {
    EXPECT_FALSE(compared[static_cast<size_t>(kind)]) << op_name(kind);
    compared[static_cast<size_t>(kind)] = true;
  }
  const auto backend = make_cpu_backend(cpu::oracle_kernels(), 1);
  for (size_t i = 0; i < kOpKindCount; ++i) {
    EXPECT_EQ(compared[i], backend->runs(static_cast<OpKind>(i))) << kOpNames[i];
  }
}

TEST(OpInvariance, ThreadsChangeNoBit) {
  cpu::RandomInputs random;
  for (const OpCase& op_case : all_op_cases()) {
    const Graph graph = graph_of(op_case);
    for (const cpu::Kernels* kernels : tables_for(op_case.kind)) {
      SCOPED_TRACE(label(op_case) + " on " + kernels->name);
      const auto one_thread = make_cpu_backend(*kernels, 1);
      const auto two_threads = make_cpu_backend(*kernels, 2);
      GraphRunner one(graph, *one_thread, 0, std::nullopt, op_case.coordinate);
      GraphRunner two(graph, *two_threads, 0, std::nullopt, op_case.coordinate);
      fill(op_case, graph, random, one);
      for (size_t i = 0; i < graph.values.size(); ++i) {
        two.take(one, ValueId(static_cast<int>(i)));
      }
      one.run(true);
      two.run(true);
      for (ValueId id : graph.ops.back().outputs) {
        EXPECT_EQ(two.bytes(id), one.bytes(id)) << graph.value(id).name;
      }
    }
  }
}

// A microbatch of a step draws what its samples draw in a step of one microbatch.
TEST(OpInvariance, DropoutCountsSamplesOverMicrobatches) {
  cpu::RandomInputs random;
  const OpCase both{OpKind::kDropout,
                    "both",
                    {"f32[batch=6, seq=5, embed=7]", {"i64[]", 3, 3}},
                    {{"p", 0.5}, {"seed", int64_t{1}}, {"key", int64_t{2}}}};
  OpCase half = both;
  half.inputs[0] = "f32[batch=3, seq=5, embed=7]";
  const Graph whole_graph = graph_of(both), half_graph = graph_of(half);
  const ValueId x(0), step(1), y = half_graph.ops.back().outputs[0];
  for (const cpu::Kernels* kernels : cpu::all_tables()) {
    const auto backend = make_cpu_backend(*kernels, 1);
    GraphRunner whole(whole_graph, *backend);
    fill(both, whole_graph, random, whole);
    GraphRunner first(half_graph, *backend), second(half_graph, *backend);
    const std::span<float> all = whole.elements<float>(x);
    const size_t count = all.size() / 2;
    std::copy_n(all.begin(), count, first.elements<float>(x).begin());
    std::copy_n(all.begin() + static_cast<int64_t>(count), count,
                second.elements<float>(x).begin());
    first.take(whole, step);
    second.take(whole, step);
    whole.run();
    first.run(false, 0);
    second.run(false, 1);
    std::vector<std::byte> together = first.bytes(y);
    const std::vector<std::byte> rest = second.bytes(y);
    together.insert(together.end(), rest.begin(), rest.end());
    EXPECT_EQ(together, whole.bytes(y)) << kernels->name;
    EXPECT_NE(first.bytes(y), rest);
  }
}

}  // namespace
}  // namespace tutti
