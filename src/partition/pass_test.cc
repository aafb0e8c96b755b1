// Each pass as text in, text out.
#include "partition/pass.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ir/verify.h"
#include "partition/stage_cut.h"

namespace tutti {
namespace {

const OpTable& ops() {
  static const OpTable kOps;
  return kOps;
}

Plan tensor_parallel() {
  Plan plan;
  plan.mesh.size(Axis::kTp) = 2;
  return plan;
}

Graph parsed(const std::string& text) {
  Result<Graph> graph = parse_graph(text);
  EXPECT_TRUE(graph.ok()) << graph.message();
  const Status status = verify(*graph, ops());
  EXPECT_TRUE(status.ok()) << status.message();
  return std::move(graph).value();
}

// The ops of the graph after one pass, a line each; the result is verified.
std::string ops_after(Status (*pass)(Graph&, const PassContext&), const std::string& text,
                      const Plan& plan) {
  Graph graph = parsed(text);
  const Status status = pass(graph, {ops(), plan});
  EXPECT_TRUE(status.ok()) << status.message();
  const Status verified = verify(graph, ops());
  EXPECT_TRUE(verified.ok()) << verified.message();
  std::string result;
  for (const Op& op : graph.ops) result += print(graph, op) + "\n";
  return result;
}

constexpr const char* kLoss = R"(graph g
input %x: f32[seq=4, embed=8]
input %labels: i32[seq=4]
input %seed: f32[]
param %w: f32[vocab=16, embed=8]
accumulator %w.acc: f32[vocab=16, embed=8]
body
  F %loss: f32[], %lse: f32[seq=4] = linear_cross_entropy(%x, %w, %labels) {vocab_valid=13}
  Bi %x.grad: f32[seq=4, embed=8], %w.grad: f32[vocab=16, embed=8] = linear_cross_entropy_grad(%seed, %x, %w, %labels, %lse) {vocab_valid=13}
  Bw %w.acc.next: f32[vocab=16, embed=8] updates %w.acc = accumulate(%w.acc, %w.grad)
output %x.grad
)";

TEST(FuseLoss, LossAndGradientBecomeOneOpOfTheForwardBody) {
  EXPECT_EQ(ops_after(fuse_loss, kLoss, Plan()),
            "F %loss: f32[], %x.grad: f32[seq=4, embed=8], %w.grad: f32[vocab=16, embed=8] = "
            "linear_cross_entropy_fused(%seed, %x, %w, %labels) {vocab_valid=13}\n"
            "F %w.acc.next: f32[vocab=16, embed=8] updates %w.acc = accumulate(%w.acc, %w.grad)\n");
}

TEST(FuseLoss, LeavesACutVocabularyAndASplitBackwardAlone) {
  EXPECT_NE(ops_after(fuse_loss, kLoss, tensor_parallel()).find("linear_cross_entropy_grad"),
            std::string::npos);
  Plan split;
  split.split_backward = true;
  EXPECT_NE(ops_after(fuse_loss, kLoss, split).find("linear_cross_entropy_grad"),
            std::string::npos);
}

TEST(ExpandLoss, ACutVocabularyIsReducedFromStatistics) {
  const std::string text = ops_after(expand_loss, kLoss, tensor_parallel());
  EXPECT_NE(text.find("%lse.max: f32[seq=4], %lse.sum: f32[seq=4], %lse.label_logit: f32[seq=4] = "
                      "logits_stats(%x, %w, %labels)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("= rescale_sum(%lse.sum, %lse.max, %lse.max)"), std::string::npos);
  EXPECT_NE(text.find("%loss: f32[], %lse: f32[seq=4] = cross_entropy_from_stats("),
            std::string::npos);
}

TEST(Place, ASplitProductIsScatteredIntoTheStream) {
  const std::string text = ops_after(place, R"(graph g
input %h: f32[seq=4, mlp=8]
input %stream: f32[stream_seq=4, embed=8]
param %w: f32[embed=8, mlp=8]
body
  F %y: f32[seq=4, embed=8] = linear(%h, %w) {contract=[mlp]}
  F %y.stream: f32[stream_seq=4, embed=8] = relabel(%y) {from="seq", to="stream_seq"}
  F %out: f32[stream_seq=4, embed=8] = add(%stream, %y.stream)
output %out
)",
                                     tensor_parallel());
  EXPECT_EQ(text,
            "F %y: f32[seq=4, embed=8]+sum(tp2) = linear(%h, %w) {contract=[mlp]}\n"
            "F %y.stream: f32[stream_seq=4, embed=8]+sum(tp2) = relabel(%y) {from=\"seq\", "
            "to=\"stream_seq\"}\n"
            "F %y.stream.scattered: f32[stream_seq=4@tp2, embed=8] = reduce_scatter(%y.stream) "
            "{axes=\"tp2\", dim=\"stream_seq\"}\n"
            "F %out: f32[stream_seq=4@tp2, embed=8] = add(%stream, %y.stream.scattered)\n");
}

TEST(Place, BackwardGathersAgainWhatForwardGathered) {
  const std::string text = ops_after(place, R"(graph g
input %x: f32[stream_seq=4, embed=8]
param %w: f32[mlp=8, embed=8]
body
  F %x.seq: f32[seq=4, embed=8] = relabel(%x) {from="stream_seq", to="seq"}
  F %y: f32[seq=4, mlp=8] = linear(%x.seq, %w) {contract=[embed]}
  Bi %x.again: f32[seq=4, embed=8] = relabel(%x) {from="stream_seq", to="seq"}
  Bi %w.grad: f32[mlp=8, embed=8] = linear_weight_grad(%y, %x.again) {contract=[seq]}
output %w.grad
)",
                                     tensor_parallel());
  size_t gathers = 0;
  for (size_t at = text.find("all_gather"); at != std::string::npos;
       at = text.find("all_gather", at + 1)) {
    ++gathers;
  }
  EXPECT_EQ(gathers, 2u) << text;
}

TEST(Place, WhatAnOpCannotSumIsRefusedWithItsName) {
  Graph graph = parsed(R"(graph g
input %x: f32[seq=4, mlp=8]
param %w: f32[mlp=8]
body
  F %y: f32[seq=4, mlp=8], %rstd: f32[seq=4] = rms_norm(%x, %w) {epsilon=1e-05}
output %y
)");
  const Plan plan = tensor_parallel();
  const Status status = place(graph, {ops(), plan});
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("rms_norm %rstd sums over dims that are cut over tp2"),
            std::string::npos)
      << status.message();
}

TEST(SplitBias, TheBiasComesBehindTheReduction) {
  const std::string text = ops_after(split_bias, R"(graph g
input %h: f32[seq=4, mlp=8]
param %w: f32[embed=8, mlp=8]
param %b: f32[embed=8]
body
  F %y: f32[seq=4, embed=8] = linear(%h, %w, %b) {contract=[mlp]}
  F %y.stream: f32[stream_seq=4, embed=8] = relabel(%y) {from="seq", to="stream_seq"}
  F %out: f32[stream_seq=4, embed=8] = gelu(%y.stream)
output %out
)",
                                     tensor_parallel());
  EXPECT_EQ(
      text,
      "F %y: f32[seq=4, embed=8] = linear(%h, %w) {contract=[mlp]}\n"
      "F %y.stream: f32[stream_seq=4, embed=8] = relabel(%y) {from=\"seq\", to=\"stream_seq\"}\n"
      "F %y.stream.biased: f32[stream_seq=4, embed=8] = add_bias(%y.stream, %b)\n"
      "F %out: f32[stream_seq=4, embed=8] = gelu(%y.stream.biased)\n");
}

TEST(Recompute, BackwardRepeatsAnActivationFromWhatIsKeptAnyway) {
  const std::string text = ops_after(recompute, R"(graph g
input %h: f32[seq=4, mlp=8]
param %w: f32[mlp=8, mlp2=8]
body
  F %x: f32[seq=4, mlp2=8] = linear(%h, %w) {contract=[mlp]}
  F %a: f32[seq=4, mlp2=8] = gelu(%x)
  Bi %g: f32[seq=4, mlp2=8] = gelu_grad(%a, %x)
output %g
)",
                                     Plan());
  EXPECT_NE(text.find("Bi %a.again: f32[seq=4, mlp2=8] = gelu(%x)\n"
                      "Bi %g: f32[seq=4, mlp2=8] = gelu_grad(%a.again, %x)"),
            std::string::npos)
      << text;
}

TEST(Recompute, KeepsAResultWhoseInputWouldHaveToBeKeptForIt) {
  const std::string text = ops_after(recompute, R"(graph g
input %h: f32[seq=4, mlp=8]
param %w: f32[mlp=8, mlp2=8]
body
  F %x: f32[seq=4, mlp2=8] = linear(%h, %w) {contract=[mlp]}
  F %a: f32[seq=4, mlp2=8] = gelu(%x)
  Bi %g: f32[seq=4, mlp2=8] = add(%a, %a)
output %g
)",
                                     Plan());
  EXPECT_EQ(text.find("again"), std::string::npos) << text;
}

// A statistic that nothing reads does not keep the norm from being repeated.
TEST(Recompute, RepeatsANormOfWhichBackwardReadsTheFirstOutputOnly) {
  const std::string text = ops_after(recompute, R"(graph g
input %h: f32[seq=4, mlp=8]
param %w: f32[mlp=8, embed=8]
param %n: f32[embed=8]
body
  F %x: f32[seq=4, embed=8] = linear(%h, %w) {contract=[mlp]}
  F %a: f32[seq=4, embed=8], %rstd: f32[seq=4] = rms_norm(%x, %n) {epsilon=1e-05}
  Bi %g: f32[seq=4, embed=8] = add(%a, %x)
output %g
)",
                                     Plan());
  EXPECT_NE(text.find("add(%a.again, %x)"), std::string::npos) << text;
}

TEST(FoldAccumulation, AGradientIsAddedByTheOpThatMakesIt) {
  const std::string text = ops_after(fold_accumulation, R"(graph g
input %x: f32[seq=4, embed=8]
accumulator %w.acc: f32[embed=8, embed2=8]
input %dy: f32[seq=4, embed=8]
input %z: f32[seq=4, embed2=8]
body
  Bi %d1: f32[embed=8, embed2=8] = linear_weight_grad(%dy, %z) {contract=[seq]}
  Bw %n1: f32[embed=8, embed2=8] updates %w.acc = accumulate(%w.acc, %d1)
  Bi %d2: f32[embed=8, embed2=8] = linear_weight_grad(%x, %z) {contract=[seq]}
  Bw %n2: f32[embed=8, embed2=8] updates %w.acc = accumulate(%w.acc, %d2)
)",
                                     Plan());
  EXPECT_EQ(text,
            "Bi %n1: f32[embed=8, embed2=8] updates %w.acc = linear_weight_grad(%dy, %z) "
            "{contract=[seq]} add=after_first\n"
            "Bi %n2: f32[embed=8, embed2=8] updates %w.acc = linear_weight_grad(%x, %z) "
            "{contract=[seq]} add=always\n");
}

constexpr const char* kTrained = R"(graph g
input %x: f32[seq=4, embed=8]
input %dy: f32[seq=4, embed=8]
input %one: f32[]
param %w: f32[embed=8]
param %b: f32[seq=4]
state %w.m: f32[embed=8]
state %w.v: f32[embed=8]
accumulator %w.acc: f32[embed=8]
body
  F %a: f32[seq=4, embed=8] = gelu(%x) block=0
  F %y: f32[seq=4, embed=8], %rstd: f32[seq=4] = rms_norm(%a, %w) {epsilon=1e-05} block=0
  F %z: f32[seq=4, embed=8], %rstd2: f32[seq=4] = rms_norm(%y, %w) {epsilon=1e-05} block=1
  Bi %da: f32[seq=4, embed=8] = gelu_grad(%dy, %a) block=0
epilogue
  - %w.next: f32[embed=8] updates %w, %w.m.next: f32[embed=8] updates %w.m, %w.v.next: f32[embed=8] updates %w.v = adamw(%w, %w.m, %w.v, %w.acc, %one, %one, %one, %one, %one)
output %z
output %da
)";

Plan offloading(const char* what) {
  Plan plan;
  plan.offload = *parse_offload(what);
  plan.offload.least_bytes = 32;
  plan.offload.piece_bytes = 20;
  return plan;
}

TEST(Offload, CountsForStagesWhereItTakesTheirMemory) {
  const auto state_bytes = [](const Plan& plan) {
    const auto costs = block_costs(parsed(kTrained), {ops(), plan});
    EXPECT_TRUE(costs.ok()) << costs.message();
    double sum = 0;
    for (const BlockCost& cost : *costs) sum += cost.state_bytes;
    return sum;
  };
  // %w of 32 bytes, read by two blocks; of each a gradient and two moments beside it.
  EXPECT_EQ(state_bytes(Plan()), 2 * 4 * 32);
  Plan plan = offloading("optimizer");
  EXPECT_EQ(state_bytes(plan), 2 * 2 * 32);
  plan.offload.to_host = true;
  EXPECT_EQ(state_bytes(plan), 2 * 4 * 32);
}

TEST(Offload, EachBlockFetchesTheParametersThatItReads) {
  const std::string text = ops_after(offload, kTrained, offloading("parameters"));
  for (const char* line : {"F %w.fetched: f32[embed=8] = fetch(%w) block=0\nF %y: ",
                           "F %w.fetched#2: f32[embed=8] = fetch(%w) block=1\nF %z: ",
                           "rms_norm(%y, %w.fetched#2) {epsilon=1e-05} block=1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << " in\n" << text;
  }
  EXPECT_EQ(text.find("store(%a)"), std::string::npos) << text;
}

TEST(Offload, TheOptimizerGoesThroughItsStateInPieces) {
  const std::string text = ops_after(offload, kTrained, offloading("optimizer"));
  for (const char* line :
       {"- %w.from0: f32[elements=5] = bucket_view(%w) {dims=[elements], offset=0, sizes=[5]} "
        "block=0\n- %w.m.from0: f32[elements=5] = fetch(%w.m) {dims=[elements], offset=0, "
        "sizes=[5]}",
        "- %w.acc.from5: f32[elements=3] = bucket_view(%w.acc) {dims=[elements], offset=5, "
        "sizes=[3]}",
        "%w.from5.next: f32[elements=3] updates %w.from5, %w.m.from5.next: f32[elements=3] updates "
        "%w.m.from5",
        "{part_elements=8, piece=5, piece_elements=3} block=1\n- %w.m.stored#2: f32[elements=3] "
        "updates %w.m "
        "offloaded = "
        "store(%w.m.from5.next) {offset=5} block=1"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << " in\n" << text;
  }
}

TEST(Offload, WhatBackwardReadsOfForwardIsStoredAndFetched) {
  const std::string text = ops_after(offload, kTrained, offloading("activations"));
  for (const char* line :
       {"F %a: f32[seq=4, embed=8] = gelu(%x) block=0\n"
        "F %a.away: f32[seq=4, embed=8] offloaded = store(%a) block=0\nF %y: ",
        "rms_norm(%a, %w)",
        "Bi %a.away.fetched: f32[seq=4, embed=8] = fetch(%a.away) block=0\n"
        "Bi %da: f32[seq=4, embed=8] = gelu_grad(%dy, %a.away.fetched) block=0\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << " in\n" << text;
  }
  EXPECT_EQ(text.find("fetch(%w"), std::string::npos) << text;
}

TEST(Offload, ItsFetchesAreStartedABlockEarlier) {
  Graph graph = parsed(kTrained);
  const Plan plan = offloading("parameters");
  ASSERT_TRUE(offload(graph, {ops(), plan}).ok());
  ASSERT_TRUE(overlap(graph, {ops(), plan}).ok());
  std::vector<std::string> order;
  for (const Op& op : graph.ops) {
    if (op.region == Region::kBody) order.emplace_back(graph.op_label(op));
  }
  EXPECT_EQ(order, (std::vector<std::string>{"w.fetched", "w.fetched#2", "a", "y", "z", "da"}));
}

TEST(Verify, OnlyFetchReadsWhatIsOffloaded) {
  Graph graph = parsed(kTrained);
  graph.value(graph.find("w")).offloaded = true;
  EXPECT_EQ(verify(graph, ops()).message(), "rms_norm %y reads %w, which is offloaded");
}

TEST(DropUnused, KeepsOnlyWhatLeadsToAnOutput) {
  const std::string text = ops_after(drop_unused, R"(graph g
input %x: f32[seq=4]
body
  F %a: f32[seq=4] = gelu(%x)
  F %b: f32[seq=4] = gelu(%a)
  F %c: f32[seq=4] = gelu(%a)
output %c
)",
                                     Plan());
  EXPECT_EQ(text, "F %a: f32[seq=4] = gelu(%x)\nF %c: f32[seq=4] = gelu(%a)\n");
}

TEST(PassRunner, NamesUnknownAndRequiredPasses) {
  Graph graph;
  graph.name = "g";
  const Plan plan;
  EXPECT_EQ(run_passes(graph, {ops(), plan}, {{"bogus"}, {}}).message(),
            "there is no pass called bogus");
  EXPECT_EQ(run_passes(graph, {ops(), plan}, {{"place"}, {}}).message(),
            "the pass place cannot be disabled");
}

}  // namespace
}  // namespace tutti
