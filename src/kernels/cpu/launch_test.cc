// Results worked out by hand, for what the launches themselves decide: layouts, offsets, combined
// statistics and moved elements. That all instances agree is op_cases_test.cc's.
#include "kernels/cpu/launch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ir/text.h"
#include "ir/verify.h"
#include "kernels/graph_runner_test.h"
#include "kernels/op_cases_test.h"
#include "ops/op_def.h"

namespace tutti::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Contents {
  const char* value;
  std::vector<double> elements;
};

void set(GraphRunner& runner, ValueId id, const std::vector<double>& elements) {
  const Operand& operand = runner.operand(id);
  ASSERT_EQ(operand.count(), static_cast<int64_t>(elements.size()));
  const auto store = [&](auto* data) {
    for (size_t i = 0; i < elements.size(); ++i) {
      data[i] = static_cast<std::remove_reference_t<decltype(data[i])>>(elements[i]);
    }
  };
  if (operand.dtype == DType::kF32) return store(operand.as<float>());
  if (operand.dtype == DType::kF64) return store(operand.as<double>());
  if (operand.dtype == DType::kI32) return store(operand.as<int32_t>());
  return store(operand.as<int64_t>());
}

Graph graph_from(const std::string& body) {
  Result<Graph> graph = parse_graph("graph worked\n" + body);
  TUTTI_CHECK(graph.ok(), "{}", graph.message());
  const Status status = verify(*graph, OpTable());
  TUTTI_CHECK(status.ok(), "{}", status.message());
  return std::move(graph).value();
}

struct WorkedExample {
  const char* name;
  const char* graph;
  std::vector<Contents> inputs, expected;
  int64_t coordinate = 0;
};

const std::vector<WorkedExample>& worked_examples() {
  static const std::vector<WorkedExample> kExamples = {
      {"linear contracts the last dim of w",
       "input %x: f32[batch=1, embed=2]\ninput %w: f32[mlp=3, embed=2]\ninput %b: f32[mlp=3]\n"
       "body\n  F %y: f32[batch=1, mlp=3] = linear(%x, %w, %b) {contract=[embed]}\n",
       {{"x", {1, 2}}, {"w", {1, 10, 100, 1000, 3, 4}}, {"b", {0.5, 0, -1}}},
       {{"y", {21.5, 2100, 10}}}},
      {"linear contracts the first dim of w",
       "input %x: f32[batch=1, embed=2]\ninput %w: f32[embed=2, mlp=3]\n"
       "body\n  F %y: f32[batch=1, mlp=3] = linear(%x, %w) {contract=[embed]}\n",
       {{"x", {1, 2}}, {"w", {1, 10, 100, 1000, 3, 4}}},
       {{"y", {2001, 16, 108}}}},
      {"linear_weight_grad is dy^T x",
       "input %dy: f32[batch=2, mlp=2]\ninput %x: f32[batch=2, embed=1]\n"
       "body\n  Bw %dw: f32[mlp=2, embed=1] = linear_weight_grad(%dy, %x) {contract=[batch]}\n",
       {{"dy", {1, 2, 3, 4}}, {"x", {10, 100}}},
       {{"dw", {310, 420}}}},
      {"a rank's part of an embedding table begins at its offset",
       "input %ids: i32[batch=4]\ninput %w: f32[vocab=4@tp2, embed=1]\n"
       "body\n  F %y: f32[batch=4, embed=1]+sum(tp2) = embedding(%ids, %w)\n",
       {{"ids", {0, 2, 3, 1}}, {"w", {20, 30}}},
       {{"y", {0, 20, 30, 0}}},
       1},
      {"loss = lse - label's logit, ignored labels apart",
       "input %max: f32[batch=3]\ninput %sum: f32[batch=3]\ninput %logit: f32[batch=3]\n"
       "input %labels: i32[batch=3]\nbody\n  F %loss: f32[], %lse: f32[batch=3] = "
       "cross_entropy_from_stats(%max, %sum, %logit, %labels)\n",
       {{"max", {1, 2, 3}}, {"sum", {1, 1, 1}}, {"logit", {0.5, 7, -1}}, {"labels", {0, -1, 2}}},
       {{"loss", {4.5}}, {"lse", {1, 2, 3}}}},
      {"sums of another maximum are rescaled, also those of no row at all",
       "input %sum: f32[batch=2]\ninput %local: f32[batch=2]\ninput %max: f32[batch=2]\n"
       "body\n  F %y: f32[batch=2] = rescale_sum(%sum, %local, %max)\n",
       {{"sum", {3, 0}}, {"local", {1, -kInfinity}}, {"max", {1, 5}}},
       {{"y", {3, 0}}}},
      {"labels that are not negative count",
       "input %labels: i32[batch=5]\nbody\n  F %n: f32[] = count_labels(%labels)\n",
       {{"labels", {-100, 0, 7, -1, 3}}},
       {{"n", {3}}}},
      {"the reciprocal of no token is 0",
       "input %x: f32[batch=2]\nbody\n  F %y: f32[batch=2] = reciprocal(%x)\n",
       {{"x", {4, 0}}},
       {{"y", {0.25, 0}}}},
      {"squares are summed over all inputs",
       "input %x: f32[batch=2]\ninput %y: f32[embed=1]\nbody\n"
       "  F %s: f64[] = sum_squares(%x, %y)\n",
       {{"x", {1, 2}}, {"y", {3}}},
       {{"s", {14}}}},
      {"a norm of 4 is clipped to 2",
       "input %s: f64[]\nbody\n"
       "  F %f: f32[], %n: f32[], %skip: f32[] = clip_factor(%s) {max_norm=2.0}\n",
       {{"s", {16}}},
       {{"f", {2.0f / (4.0f + 1e-6f)}}, {"n", {4}}, {"skip", {0}}}},
      {"a norm that is not finite skips the step",
       "input %s: f64[]\nbody\n"
       "  F %f: f32[], %n: f32[], %skip: f32[] = clip_factor(%s) {max_norm=2.0}\n",
       {{"s", {std::numeric_limits<double>::infinity()}}},
       {{"f", {0}}, {"n", {kInfinity}}, {"skip", {1}}}},
      {"replicas are added up for each of them",
       "input %a: f32[embed=2]\ninput %b: f32[embed=2]\nbody\n"
       "  F %x: f32[embed=2], %y: f32[embed=2] = replica_sum(%a, %b)\n",
       {{"a", {1, 2}}, {"b", {10, 20}}},
       {{"x", {11, 22}}, {"y", {11, 22}}}},
      {"a bucket has zeros between its parts",
       "input %a: f32[mlp=2]\ninput %b: f32[embed=1]\nbody\n"
       "  F %bucket: f32[elements=6] = bucket_pack(%a, %b) {elements=6, offsets=[0, 4]}\n",
       {{"a", {1, 2}}, {"b", {3}}},
       {{"bucket", {1, 2, 0, 0, 3, 0}}}},
      {"a view of a bucket begins at its offset",
       "input %bucket: f32[elements=6]\nbody\n"
       "  F %v: f32[mlp=2] = bucket_view(%bucket) {dims=[mlp], offset=3, sizes=[2]}\n",
       {{"bucket", {1, 2, 3, 4, 5, 6}}},
       {{"v", {4, 5}}}},
      {"the cache takes what follows its length",
       "state %cache: f32[batch=2, context=3]\ninput %x: f32[batch=2, seq=1]\n"
       "scalar %length: i32[]\nbody\n  F %next: f32[batch=2, context=3] updates %cache = "
       "cache_append(%cache, %x, %length)\n",
       {{"cache", {1, 2, 3, 4, 5, 6}}, {"x", {10, 20}}, {"length", {1}}},
       {{"next", {1, 10, 3, 4, 20, 6}}}},
      {"one position of each sequence",
       "input %x: f32[batch=2, seq=2, embed=2]\nscalar %i: i32[]\nbody\n"
       "  F %y: f32[batch=2, embed=2] = take_position(%x, %i)\n",
       {{"x", {1, 2, 3, 4, 5, 6, 7, 8}}, {"i", {1}}},
       {{"y", {3, 4, 7, 8}}}},
      {"a slice is this rank's part",
       "input %x: f32[batch=2, seq=4]\nbody\n"
       "  F %y: f32[batch=2, seq=4@tp2] = slice(%x) {axes=\"tp2\", dim=\"seq\"}\n",
       {{"x", {1, 2, 3, 4, 5, 6, 7, 8}}},
       {{"y", {3, 4, 7, 8}}},
       1},
      {"coordinate 0 keeps its value",
       "input %x: f32[batch=2]\nbody\n  F %y: f32[batch=2]+sum(tp2) = mask(%x) {axes=\"tp2\"}\n",
       {{"x", {1, 2}}},
       {{"y", {1, 2}}}},
      {"every other coordinate holds zero",
       "input %x: f32[batch=2]\nbody\n  F %y: f32[batch=2]+sum(tp2) = mask(%x) {axes=\"tp2\"}\n",
       {{"x", {1, 2}}},
       {{"y", {0, 0}}},
       1},
  };
  return kExamples;
}

TEST(Launch, GivesWhatWasWorkedOutByHand) {
  for (const WorkedExample& example : worked_examples()) {
    const Graph graph = graph_from(example.graph);
    for (const Kernels* kernels : all_tables()) {
      SCOPED_TRACE(std::string(example.name) + " on " + kernels->name);
      const auto backend = make_cpu_backend(*kernels, 2);
      GraphRunner runner(graph, *backend, 0, std::nullopt, example.coordinate);
      for (const Contents& input : example.inputs) {
        set(runner, graph.find(input.value), input.elements);
      }
      runner.run();
      for (const Contents& expected : example.expected) {
        EXPECT_EQ(runner.values(graph.find(expected.value)), expected.elements) << expected.value;
      }
    }
  }
}

TEST(Launch, RopeDividesEveryFrequencyWhenItsScalingIsLinear) {
  const Graph graph = graph_from(
      "input %x: f32[batch=1, seq=1, head_dim=4]\ninput %p: i32[batch=1, seq=1]\nbody\n"
      "  F %y: f32[batch=1, seq=1, head_dim=4] = rope(%x, %p) {factor=4.0, linear=true, "
      "theta=100.0}\n");
  const auto backend = make_cpu_backend(oracle_kernels(), 1);
  GraphRunner runner(graph, *backend);
  set(runner, graph.find("x"), {1, 1, 0, 0});
  set(runner, graph.find("p"), {2});
  runner.run();
  const std::vector<double> y = runner.values(graph.find("y"));
  EXPECT_NEAR(y[0], std::cos(2 * 1.0 / 4), 1e-6);
  EXPECT_NEAR(y[2], std::sin(2 * 1.0 / 4), 1e-6);
  EXPECT_NEAR(y[1], std::cos(2 * 0.1 / 4), 1e-6);
  EXPECT_NEAR(y[3], std::sin(2 * 0.1 / 4), 1e-6);
}

// Position 1 turns the pair (1, 0) by its frequency. The expected frequencies are those of
// Llama 3.1 8B, from Hugging Face's formula: kept, interpolated, and divided by 8.
TEST(Launch, RopeScalesFrequenciesAsLlama3) {
  const Graph graph = graph_from(
      "input %x: f32[batch=1, seq=1, head_dim=128]\ninput %p: i32[batch=1, seq=1]\nbody\n"
      "  F %y: f32[batch=1, seq=1, head_dim=128] = rope(%x, %p) {factor=8.0, high_freq_factor=4.0, "
      "low_freq_factor=1.0, original_context=8192, theta=500000.0}\n");
  const auto backend = make_cpu_backend(oracle_kernels(), 1);
  GraphRunner runner(graph, *backend);
  std::vector<double> x(128, 0.0);
  std::fill_n(x.begin(), 64, 1.0);
  set(runner, graph.find("x"), x);
  set(runner, graph.find("p"), {1});
  runner.run();
  const std::vector<double> y = runner.values(graph.find("y"));
  const struct {
    size_t pair;
    double frequency;
  } kExpected[] = {{0, 1.0},
                   {1, 0.8146172338565447},
                   {28, 0.0032114459947525913},
                   {29, 0.002166570763503359},
                   {34, 0.00017850781276799638},
                   {35, 9.556212353964683e-05},
                   {63, 3.068925988914511e-07}};
  for (const auto& e : kExpected) {
    EXPECT_NEAR(y[e.pair + 64] / std::sin(e.frequency), 1.0, 1e-6) << e.pair;
  }
}

TEST(Launch, AttentionReadsNoKeyThatTheCacheDoesNotHold) {
  const char* kDims = "f32[batch=2, context=9, kv_heads=1, head_dim=4]";
  for (const auto& [queries, causal] : {std::pair{1, true}, {3, true}, {1, false}, {3, false}}) {
    const std::string q = fmt::format("batch=2, seq={}, kv_heads=1, group=2, head_dim=4", queries);
    const Graph graph = graph_from(fmt::format(
        "input %q: f32[{0}]\ninput %k: {1}\ninput %v: {1}\nscalar %n: i32[]\nbody\n  F %o: "
        "f32[{0}], %lse: f32[batch=2, kv_heads=1, group=2, seq={2}] = attention(%q, %k, %v, %n) "
        "{{causal={3}, scale=0.5}}\n",
        q, kDims, queries, causal));
    for (const Kernels* kernels : all_tables()) {
      RandomInputs random;
      const auto backend = make_cpu_backend(*kernels, 1);
      GraphRunner clean(graph, *backend), dirty(graph, *backend);
      for (const char* name : {"q", "k", "v"}) {
        fill_normal(graph.find(name), random, clean);
        dirty.take(clean, graph.find(name));
      }
      for (const char* name : {"k", "v"}) {
        const std::span<float> rows = dirty.elements<float>(graph.find(name));
        for (size_t i = 0; i < rows.size(); ++i) {
          if (static_cast<int64_t>(i / 4 % 9) >= 5 + queries) rows[i] = kNan;
        }
      }
      for (GraphRunner* runner : {&clean, &dirty}) {
        set(*runner, graph.find("n"), {5});
        runner->run();
      }
      EXPECT_EQ(dirty.bytes(graph.find("o")), clean.bytes(graph.find("o"))) << kernels->name;
      EXPECT_EQ(dirty.bytes(graph.find("lse")), clean.bytes(graph.find("lse"))) << kernels->name;
    }
  }
}

// Context parallelism gathers keys: the second half of the queries sees all keys before it.
TEST(Launch, AttentionOfAPartOfTheQueriesIsThatPartOfTheWhole) {
  const char* kText =
      "input %q: f32[batch=1, seq=8{0}, kv_heads=1, group=1, head_dim=4]\n"
      "input %k: f32[batch=1, seq=8, kv_heads=1, head_dim=4]\n"
      "input %v: f32[batch=1, seq=8, kv_heads=1, head_dim=4]\nbody\n"
      "  F %o: f32[batch=1, seq=8{0}, kv_heads=1, group=1, head_dim=4], "
      "%lse: f32[batch=1, kv_heads=1, group=1, seq=8{0}] = attention(%q, %k, %v) {{causal=true}}\n";
  const Graph graph = graph_from(fmt::format(fmt::runtime(kText), ""));
  const Graph cut = graph_from(fmt::format(fmt::runtime(kText), "@cp2"));
  RandomInputs random;
  const auto backend = make_cpu_backend(oracle_kernels(), 1);
  GraphRunner whole(graph, *backend);
  for (const char* name : {"q", "k", "v"}) fill_normal(graph.find(name), random, whole);
  whole.run();
  for (const int64_t coordinate : {0, 1}) {
    GraphRunner part(cut, *backend, 1, std::nullopt, coordinate);
    for (const char* name : {"q", "k", "v"}) part.take(whole, cut.find(name));
    part.run();
    const ValueId o = cut.find("o");
    EXPECT_EQ(part.bytes(o), part_of(whole.operand(o), part.operand(o)));
  }
}

// The statistics of two parts of the vocabulary, joined as partition/ joins them, give the loss of
// the whole.
TEST(Launch, LossOverACutVocabularyIsTheLossOfTheWhole) {
  RandomInputs random;
  const OpCase loss_case{
      OpKind::kLinearCrossEntropy,
      "whole",
      {"f32[batch=6, embed=5]", "f32[vocab=12, embed=5]", {"i32[batch=6]", -2, 9}},
      {{"vocab_valid", int64_t{10}}}};
  OpCase stats_case = loss_case;
  stats_case.kind = OpKind::kLogitsStats;
  const Graph loss_graph = graph_of(loss_case), stats_graph = graph_of(stats_case);
  for (const Kernels* kernels : all_tables()) {
    const auto backend = make_cpu_backend(*kernels, 1);
    GraphRunner whole(loss_graph, *backend);
    fill(loss_case, loss_graph, random, whole);
    whole.run();
    std::vector<double> loss_terms(6, 0.0);
    std::vector<std::vector<double>> max, sum, logit;
    for (const DimRange& range : {DimRange{"vocab", 0, 8}, DimRange{"vocab", 8, 12}}) {
      GraphRunner part(stats_graph, *backend, 1, range);
      for (ValueId id : stats_graph.ops.back().inputs) part.take(whole, id);
      part.run();
      max.push_back(part.values(stats_graph.find("out0")));
      sum.push_back(part.values(stats_graph.find("out1")));
      logit.push_back(part.values(stats_graph.find("out2")));
    }
    const auto labels = whole.elements<int32_t>(ValueId(2));
    const std::vector<double> lse = whole.values(loss_graph.find("out1"));
    double loss = 0;
    for (size_t i = 0; i < 6; ++i) {
      const double joined =
          std::log(sum[0][i] * std::exp(max[0][i]) + sum[1][i] * std::exp(max[1][i]));
      EXPECT_NEAR(joined, lse[i], 1e-5) << kernels->name;
      if (labels[i] >= 0) loss += joined - logit[0][i] - logit[1][i];
    }
    EXPECT_NEAR(whole.values(loss_graph.find("out0"))[0], loss, 1e-4) << kernels->name;
  }
}

TEST(Launch, SquaresOfAReplicaThatIsNotCountedAreLeftOut) {
  const auto backend = make_cpu_backend(oracle_kernels(), 1);
  float x[2] = {1, 2}, y[1] = {3};
  double sum = -1;
  std::vector<Operand> inputs(2), output(1);
  inputs[0].data = x;
  inputs[0].sizes = {2};
  inputs[1].data = y;
  inputs[1].sizes = {1};
  output[0].data = &sum;
  output[0].dtype = DType::kF64;
  const Attributes none;
  const KernelCall call{
      .kind = OpKind::kSumSquares, .attributes = &none, .inputs = inputs, .outputs = output};
  inputs[0].counted = false;
  backend->run(call);
  EXPECT_EQ(sum, 9);
  inputs[1].counted = false;
  backend->run(call);
  EXPECT_EQ(sum, 0);
}

TEST(Launch, AnotherDtypeIsABug) {
  const Graph graph =
      graph_from("input %x: bf16[batch=2]\nbody\n  F %y: bf16[batch=2] = gelu(%x)\n");
  const auto backend = make_cpu_backend(oracle_kernels(), 1);
  GraphRunner runner(graph, *backend);
  EXPECT_DEATH(runner.run(), "the kernel takes f32, the operand is bf16");
}

TEST(Launch, WhatMovesBetweenRanksIsNotLocal) {
  const auto backend = make_cpu_backend(oracle_kernels(), 1);
  KernelCall call;
  call.kind = OpKind::kAllReduce;
  EXPECT_DEATH(backend->run(call), "all_reduce has no CPU kernel");
}

}  // namespace
}  // namespace tutti::cpu
