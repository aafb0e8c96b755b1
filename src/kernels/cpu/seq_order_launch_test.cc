// Attention and dropout of a rank that holds a part of a sequence: what all ranks compute together
// is what one rank computes of the whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>

#include "collective/seq_order.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "kernels/cpu/kernel_test.h"
#include "kernels/graph_runner_test.h"
#include "kernels/op_cases_test.h"
#include "ops/op_def.h"

namespace tutti::cpu::seq_order_launch_test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct SeqCase {
  const char* name;
  int64_t ranks, order, seq;
  const char* masks;
  bool segments = false, dropout = false;
  int64_t batch = 2, kv_heads = 2, group = 3;
};

// Chunks of 12 positions or less, and of more than a tile of keys.
const SeqCase kCases[] = {
    {"zigzag of 2", 2, 2, 24, "causal=true"},
    {"zigzag of 4", 4, 4, 48, "causal=true"},
    {"single positions", 4, 4, 8, "causal=true"},
    {"natural order", 3, 1, 27, "causal=true"},
    {"not causal", 2, 2, 24, "causal=false"},
    {"window", 4, 4, 48, "causal=true, window=11"},
    {"window, not causal", 2, 2, 24, "causal=false, window=9"},
    {"segments", 2, 2, 24, "causal=true", true},
    {"dropout", 4, 4, 48, "causal=true", false, true},
    {"dropout in natural order", 3, 1, 27, "causal=true", false, true},
    {"all at once", 4, 4, 48, "causal=true, window=17", true, true},
    {"several tiles", 2, 2, 400, "causal=true", false, false, 1, 1, 2},
    {"all at once, several tiles", 2, 2, 400, "causal=true, window=150", true, true, 1, 1, 1},
};

// The texts of a case's types; what is cut over the ranks is so only for them.
struct Types {
  std::string q, k, lse, q_segments, k_segments;

  Types(const SeqCase& c, bool cut_queries, bool cut_keys) {
    const std::string whole = fmt::format("{}", c.seq),
                      part = fmt::format("{}@cp{}", c.seq, c.ranks);
    const std::string& queries = cut_queries ? part : whole;
    const std::string& keys = cut_keys ? part : whole;
    q = fmt::format("f32[batch={}, seq={}, kv_heads={}, group={}, head_dim=9]", c.batch, queries,
                    c.kv_heads, c.group);
    k = fmt::format("f32[batch={}, seq={}, kv_heads={}, head_dim=9]", c.batch, keys, c.kv_heads);
    lse = fmt::format("f32[batch={}, kv_heads={}, group={}, seq={}]", c.batch, c.kv_heads, c.group,
                      queries);
    q_segments = fmt::format("i32[batch={}, seq={}]", c.batch, queries);
    k_segments = fmt::format("i32[batch={}, seq={}]", c.batch, keys);
  }
};

Graph graph_from(const std::string& text) {
  Result<Graph> graph = parse_graph("graph case\n" + text);
  TUTTI_CHECK(graph.ok(), "{}", graph.message());
  const Status status = verify(*graph, OpTable());
  TUTTI_CHECK(status.ok(), "{}", status.message());
  return std::move(graph).value();
}

// Attention and its gradient, which takes o and lse as inputs, in two graphs.
struct Graphs {
  Graph forward, backward;

  Graphs(const SeqCase& c, const Types& types, const std::string& order) {
    const std::string attributes = fmt::format("{}, scale=0.35{}{}", c.masks, order,
                                               c.dropout ? ", dropout=0.25, key=5, seed=7" : "");
    std::string inputs =
        fmt::format("input %q: {}\ninput %k: {}\ninput %v: {}\n", types.q, types.k, types.k);
    std::string last;
    if (c.segments) {
      inputs += fmt::format("input %qs: {}\ninput %ks: {}\n", types.q_segments, types.k_segments);
      last += ", %qs, %ks";
    }
    if (c.dropout) {
      inputs += "scalar %step: i64[]\n";
      last += ", %step";
    }
    forward =
        graph_from(fmt::format("{}body\n  F %o: {}, %lse: {} = attention(%q, %k, %v{}) {{{}}}\n",
                               inputs, types.q, types.lse, last, attributes));
    backward = graph_from(fmt::format(
        "{0}input %do: {1}\ninput %o: {1}\ninput %lse: {2}\nbody\n  Bi %dq: {1}, %dk: {3}, "
        "%dv: {3} = attention_grad(%do, %q, %k, %v, %o, %lse{4}) {{{5}}}\n",
        inputs, types.q, types.lse, types.k, last, attributes));
  }
};

// The bytes of elements: a string copies and compares them fast without optimisation too.
using Bytes = std::string;

Bytes bytes_of(const Operand& operand) {
  return {operand.as<char>(), static_cast<size_t>(operand.count()) * dtype_bytes(operand.dtype)};
}

// What lies at storage indices [begin, begin + size) of the dim `seq` of a whole in natural order.
Bytes part_in_order(const Operand& whole, int64_t order, int64_t begin, int64_t size) {
  const size_t d = static_cast<size_t>(std::max(whole.dim("seq"), whole.dim("stream_seq")));
  int64_t inner = static_cast<int64_t>(dtype_bytes(whole.dtype)), outer = 1;
  for (size_t i = d + 1; i < whole.sizes.size(); ++i) inner *= whole.sizes[i];
  for (size_t i = 0; i < d; ++i) outer *= whole.sizes[i];
  Bytes part;
  for (int64_t row = 0; row < outer; ++row) {
    for (const SeqChunk& chunk : seq_chunks(whole.sizes[d], order, begin, size)) {
      const char* from = whole.as<char>() + (row * whole.sizes[d] + chunk.logical) * inner;
      part.append(from, static_cast<size_t>(chunk.size * inner));
    }
  }
  return part;
}

std::vector<float> floats_of(const Bytes& bytes) {
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), bytes.size());
  return floats;
}

void put(GraphRunner& runner, ValueId id, const Bytes& bytes) {
  ASSERT_EQ(bytes.size(), bytes_of(runner.operand(id)).size());
  std::memcpy(runner.operand(id).data, bytes.data(), bytes.size());
}

void add_to(std::vector<float>& sum, const std::vector<float>& x) {
  sum.resize(x.size(), 0.0f);
  std::transform(sum.begin(), sum.end(), x.begin(), sum.begin(), std::plus<>());
}

// A case on one rank, with random operands: what the ranks' parts are taken from and compared to.
class Whole {
 public:
  Whole(const SeqCase& c, const Backend& backend, RandomInputs& random)
      : case_(c),
        graphs_(c, Types(c, false, false), ""),
        forward_(graphs_.forward, backend, 1),
        backward_(graphs_.backward, backend, 1) {
    for (const char* name : {"q", "k", "v"})
      fill_normal(graphs_.forward.find(name), random, forward_);
    fill_normal(graphs_.backward.find("do"), random, backward_);
    if (c.segments) {
      const std::vector<int32_t> segments = random.integers(c.batch * c.seq, 0, 2);
      for (const char* name : {"qs", "ks"}) {
        std::copy(segments.begin(), segments.end(),
                  forward_.elements<int32_t>(graphs_.forward.find(name)).begin());
      }
    }
    if (c.dropout) forward_.elements<int64_t>(graphs_.forward.find("step"))[0] = 3;
    forward_.run();
    for (const Value& value : graphs_.forward.values) {
      put(backward_, graphs_.backward.find(value.name),
          bytes_of(forward_.operand(graphs_.forward.find(value.name))));
    }
    backward_.run();
  }

  const Operand& operand(const std::string& name) const {
    const ValueId id = graphs_.backward.find(name);
    return backward_.operand(id);
  }
  Bytes part(const std::string& name, int64_t begin, int64_t size) const {
    return part_in_order(operand(name), case_.order, begin, size);
  }
  // What a rank holds.
  Bytes part_of_rank(const std::string& name, int64_t rank) const {
    const int64_t size = case_.seq / case_.ranks;
    return part(name, rank * size, size);
  }
  Bytes in_storage_order(const std::string& name) const { return part(name, 0, case_.seq); }

 private:
  const SeqCase& case_;
  Graphs graphs_;
  GraphRunner forward_, backward_;
};

// Which part of the sequence the queries and the keys at hand are; kAll is all of it.
constexpr int64_t kAll = -1;
struct Parts {
  int64_t queries, keys;
};

// Fills the inputs of a graph with the parts of the whole's values of the same names.
void take_parts(const Whole& whole, const Parts& parts, const Graph& graph, GraphRunner& runner) {
  for (ValueId id : graph.ops.back().inputs) {
    const std::string& name = graph.value(id).name;
    if (name == "step") {
      runner.elements<int64_t>(id)[0] = *whole.operand(name).as<int64_t>();
      continue;
    }
    const bool of_keys = name == "k" || name == "v" || name == "ks";
    const int64_t rank = of_keys ? parts.keys : parts.queries;
    put(runner, id, rank == kAll ? whole.in_storage_order(name) : whole.part_of_rank(name, rank));
  }
}

// A graph on a rank. Two threads, more than some cases have heads, change no bit: looked at for all
// positions, and for a rank with others before and behind it.
GraphRunner ran(const Graph& graph, const Backend& backend, int64_t coordinate, const Whole& whole,
                const Parts& parts) {
  GraphRunner one(graph, backend, 1, std::nullopt, coordinate);
  take_parts(whole, parts, graph, one);
  one.run();
  EXPECT_TRUE(one.in_bounds());
  if (parts.queries != kAll && coordinate != 1) return one;
  GraphRunner two(graph, backend, 2, std::nullopt, coordinate);
  take_parts(whole, parts, graph, two);
  two.run();
  EXPECT_TRUE(two.in_bounds());
  for (ValueId id : graph.ops.back().outputs) {
    EXPECT_TRUE(bytes_of(two.operand(id)) == bytes_of(one.operand(id))) << graph.value(id).name;
  }
  return one;
}

// Calls body(case, kernels, backend, whole) for all cases and tables.
template <typename Body>
void for_each_case(const Body& body) {
  RandomInputs random;
  for (const SeqCase& c : kCases) {
    for (const Kernels* kernels : all_tables()) {
      SCOPED_TRACE(fmt::format("{} on {}", c.name, kernels->name));
      const auto backend = make_cpu_backend(*kernels, 1);
      body(c, *backend, Whole(c, *backend, random));
    }
  }
}

std::string order_of(const SeqCase& c) {
  return c.order == 1 ? "" : fmt::format(", order={}", c.order);
}

// The graphs of the steps of a ring.
std::vector<Graphs> ring_of(const SeqCase& c) {
  std::vector<Graphs> steps;
  for (int64_t shift = 0; shift < c.ranks; ++shift) {
    steps.emplace_back(c, Types(c, true, true),
                       fmt::format("{}, key_shift={}", order_of(c), shift));
  }
  return steps;
}

int64_t source_of(const SeqCase& c, int64_t rank, int64_t shift) {
  return (rank - shift + c.ranks) % c.ranks;
}

TEST(SeqOrderLaunch, StepsOfARingMergeToAttentionOverTheWhole) {
  for_each_case([](const SeqCase& c, const Backend& backend, const Whole& whole) {
    const Types types(c, true, true);
    const Graph merge = graph_from(fmt::format(
        "input %oa: {0}\ninput %la: {1}\ninput %ob: {0}\ninput %lb: {1}\nbody\n  F %o: {0}, "
        "%lse: {1} = attention_merge(%oa, %la, %ob, %lb)\n",
        types.q, types.lse));
    const std::vector<Graphs> steps = ring_of(c);
    for (int64_t rank = 0; rank < c.ranks; ++rank) {
      Bytes o, lse;
      for (int64_t shift = 0; shift < c.ranks; ++shift) {
        const Graph& graph = steps[static_cast<size_t>(shift)].forward;
        const GraphRunner step =
            ran(graph, backend, rank, whole, {rank, source_of(c, rank, shift)});
        const ValueId step_o = graph.find("o"), step_lse = graph.find("lse");
        if (shift > 0) {
          GraphRunner merged(merge, backend, 1, std::nullopt, rank);
          put(merged, merge.find("oa"), o);
          put(merged, merge.find("la"), lse);
          put(merged, merge.find("ob"), bytes_of(step.operand(step_o)));
          put(merged, merge.find("lb"), bytes_of(step.operand(step_lse)));
          merged.run();
          o = bytes_of(merged.operand(merge.find("o")));
          lse = bytes_of(merged.operand(merge.find("lse")));
        } else {
          o = bytes_of(step.operand(step_o));
          lse = bytes_of(step.operand(step_lse));
        }
      }
      EXPECT_LT(max_relative_error(floats_of(o), floats_of(whole.part_of_rank("o", rank))), 1e-6);
      EXPECT_LT(max_relative_error(floats_of(lse), floats_of(whole.part_of_rank("lse", rank))),
                1e-6);
    }
  });
}

TEST(SeqOrderLaunch, GradientsOfARingAddUpToThoseOfTheWhole) {
  for_each_case([](const SeqCase& c, const Backend& backend, const Whole& whole) {
    const std::vector<Graphs> steps = ring_of(c);
    std::vector<std::vector<float>> dk(static_cast<size_t>(c.ranks)), dv = dk;
    for (int64_t rank = 0; rank < c.ranks; ++rank) {
      std::vector<float> dq;
      for (int64_t shift = 0; shift < c.ranks; ++shift) {
        const Graph& graph = steps[static_cast<size_t>(shift)].backward;
        const int64_t source = source_of(c, rank, shift);
        const GraphRunner step = ran(graph, backend, rank, whole, {rank, source});
        add_to(dq, floats_of(bytes_of(step.operand(graph.find("dq")))));
        add_to(dk[static_cast<size_t>(source)],
               floats_of(bytes_of(step.operand(graph.find("dk")))));
        add_to(dv[static_cast<size_t>(source)],
               floats_of(bytes_of(step.operand(graph.find("dv")))));
      }
      EXPECT_LT(max_relative_error(dq, floats_of(whole.part_of_rank("dq", rank))), 1e-5);
    }
    for (int64_t rank = 0; rank < c.ranks; ++rank) {
      const size_t r = static_cast<size_t>(rank);
      EXPECT_LT(max_relative_error(dk[r], floats_of(whole.part_of_rank("dk", rank))), 1e-5);
      EXPECT_LT(max_relative_error(dv[r], floats_of(whole.part_of_rank("dv", rank))), 1e-5);
    }
  });
}

// Keys in storage order, gathered: the bits of one rank for all that a query yields.
TEST(SeqOrderLaunch, OverGatheredKeysAQueryHasTheBitsOfTheWhole) {
  for_each_case([](const SeqCase& c, const Backend& backend, const Whole& whole) {
    const Graphs graphs(c, Types(c, true, false), order_of(c));
    std::vector<float> dk, dv;
    for (int64_t rank = 0; rank < c.ranks; ++rank) {
      const GraphRunner forward = ran(graphs.forward, backend, rank, whole, {rank, kAll});
      for (const char* name : {"o", "lse"}) {
        EXPECT_TRUE(bytes_of(forward.operand(graphs.forward.find(name))) ==
                    whole.part_of_rank(name, rank))
            << name;
      }
      const GraphRunner backward = ran(graphs.backward, backend, rank, whole, {rank, kAll});
      EXPECT_TRUE(bytes_of(backward.operand(graphs.backward.find("dq"))) ==
                  whole.part_of_rank("dq", rank));
      add_to(dk, floats_of(bytes_of(backward.operand(graphs.backward.find("dk")))));
      add_to(dv, floats_of(bytes_of(backward.operand(graphs.backward.find("dv")))));
    }
    EXPECT_LT(max_relative_error(dk, floats_of(whole.in_storage_order("dk"))), 1e-5);
    EXPECT_LT(max_relative_error(dv, floats_of(whole.in_storage_order("dv"))), 1e-5);
  });
}

TEST(SeqOrderLaunch, AWholeSequenceInAnotherOrderHasTheSameBits) {
  for_each_case([](const SeqCase& c, const Backend& backend, const Whole& whole) {
    const Graphs graphs(c, Types(c, false, false), order_of(c));
    const GraphRunner forward = ran(graphs.forward, backend, 0, whole, {kAll, kAll});
    const GraphRunner backward = ran(graphs.backward, backend, 0, whole, {kAll, kAll});
    for (const char* name : {"o", "lse"}) {
      EXPECT_TRUE(bytes_of(forward.operand(graphs.forward.find(name))) ==
                  whole.in_storage_order(name))
          << name;
    }
    for (const char* name : {"dq", "dk", "dv"}) {
      EXPECT_TRUE(bytes_of(backward.operand(graphs.backward.find(name))) ==
                  whole.in_storage_order(name))
          << name;
    }
  });
}

// Rank 0 of a zigzag ring of 2 holds positions 0 and 3, rank 1 holds 1 and 2.
TEST(SeqOrderLaunch, AQueryBeforeAllKeysOfAStepGivesNothingAndTakesNoGradient) {
  const SeqCase c{"", 2, 2, 4, "causal=true"};
  const Graphs step(c, Types(c, true, true), ", order=2, key_shift=1");
  RandomInputs random;
  for (const Kernels* kernels : all_tables()) {
    SCOPED_TRACE(kernels->name);
    const auto backend = make_cpu_backend(*kernels, 1);
    const Whole whole(c, *backend, random);
    const GraphRunner forward = ran(step.forward, *backend, 0, whole, {0, 1});
    const GraphRunner backward = ran(step.backward, *backend, 0, whole, {0, 1});
    const std::vector<double> o = forward.values(step.forward.find("o"));
    const std::vector<double> lse = forward.values(step.forward.find("lse"));
    const std::vector<double> dq = backward.values(step.backward.find("dq"));
    const size_t width = 2 * 3 * 9;
    for (size_t b = 0; b < 2; ++b) {
      for (size_t i = 0; i < width; ++i) {
        EXPECT_EQ(o[2 * b * width + i], 0);
        EXPECT_EQ(dq[2 * b * width + i], 0);
        EXPECT_NE(o[(2 * b + 1) * width + i], 0);
      }
    }
    for (size_t i = 0; i < lse.size(); ++i) EXPECT_EQ(lse[i] == -kInfinity, i % 2 == 0) << i;
  }
}

// An lse of -inf is that of a query that saw no key at all.
TEST(SeqOrderLaunch, AQueryOfNoWeightLeavesGradientsZero) {
  const SeqCase c{"", 2, 2, 8, "causal=true"};
  const Graphs step(c, Types(c, true, true), ", order=2, key_shift=0");
  RandomInputs random;
  for (const Kernels* kernels : all_tables()) {
    SCOPED_TRACE(kernels->name);
    const auto backend = make_cpu_backend(*kernels, 1);
    const Whole whole(c, *backend, random);
    GraphRunner runner(step.backward, *backend, 1, std::nullopt, 0);
    take_parts(whole, {0, 0}, step.backward, runner);
    for (float& x : runner.elements<float>(step.backward.find("lse"))) x = -kInfinity;
    for (float& x : runner.elements<float>(step.backward.find("o"))) x = 0;
    runner.run();
    for (const char* name : {"dq", "dk", "dv"}) {
      for (const double x : runner.values(step.backward.find(name))) EXPECT_EQ(x, 0) << name;
    }
  }
}

TEST(SeqOrderLaunch, DropoutDrawsByPositionHoweverTheSequenceLies) {
  RandomInputs random;
  const char* kText =
      "input %x: f32[batch=3, {0}]\nscalar %step: i64[]\nbody\n"
      "  F %y: f32[batch=3, {0}] = dropout(%x, %step) {{key=2, p=0.5, seed=1{1}}}\n";
  for (const auto& [seq, rest] : {std::pair{"seq=16", ", embed=5"},
                                  {"stream_seq=16", ", heads=3, embed=2"},
                                  {"seq=16", ""}}) {
    const Graph natural =
        graph_from(fmt::format(fmt::runtime(kText), fmt::format("{}{}", seq, rest), ""));
    const ValueId x = natural.find("x"), step = natural.find("step"), y = natural.find("y");
    for (const Kernels* kernels : all_tables()) {
      const auto backend = make_cpu_backend(*kernels, 1);
      GraphRunner whole(natural, *backend);
      fill_normal(x, random, whole);
      whole.elements<int64_t>(step)[0] = 9;
      whole.run(false, 1);
      for (const auto& [order, ranks] : {std::pair{2, 2}, {4, 4}, {2, 1}, {2, 4}, {2, 8}, {4, 8}}) {
        SCOPED_TRACE(
            fmt::format("{}{} order {} on {} ranks on {}", seq, rest, order, ranks, kernels->name));
        const std::string cut = ranks == 1 ? "" : fmt::format("@cp{}", ranks);
        const Graph graph =
            graph_from(fmt::format(fmt::runtime(kText), fmt::format("{}{}{}", seq, cut, rest),
                                   fmt::format(", order={}", order)));
        const int64_t size = 16 / ranks;
        for (int64_t rank = 0; rank < ranks; ++rank) {
          GraphRunner part(graph, *backend, 0, std::nullopt, rank);
          put(part, x, part_in_order(whole.operand(x), order, rank * size, size));
          part.take(whole, step);
          part.run(false, 1);
          EXPECT_TRUE(bytes_of(part.operand(y)) ==
                      part_in_order(whole.operand(y), order, rank * size, size));
        }
      }
    }
  }
}

}  // namespace
}  // namespace tutti::cpu::seq_order_launch_test
