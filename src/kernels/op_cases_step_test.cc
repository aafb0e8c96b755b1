// Cases of the ops of a step and of those that only move elements.
#include "kernels/op_cases_test.h"

namespace tutti {
namespace {

using Names = std::vector<std::string>;

std::vector<OpCase> reduction_cases() {
  const char* x = "f32[batch=3, seq=53, mlp=61]";
  return {
      {OpKind::kCountLabels, "mixed", {{"i32[batch=3, seq=11]", -3, 5}}},
      {OpKind::kReciprocal, "scalar", {{"f32[]", 3, 3}}},
      {OpKind::kReciprocal, "zero", {{"f32[]", 0, 0}}},
      {OpKind::kScale, "blocks", {x, "f32[]"}},
      {OpKind::kSumSquares, "several", {x, "f32[embed=5]", "f32[vocab=131, embed=37]"}},
      {OpKind::kClipFactor, "clips", {{"f64[]", 4, 9}}, {{"max_norm", 1.0}}},
      {OpKind::kClipFactor, "below", {{"f64[]", 0.1, 0.2}}, {{"max_norm", 1.0}}},
      {OpKind::kClipFactor, "off", {{"f64[]", 4, 9}}, {{"max_norm", 0.0}}},
  };
}

std::vector<OpCase> update_cases() {
  const char* p = "f32[mlp=101, embed=97]";
  const Attributes adamw{{"beta1", 0.9}, {"beta2", 0.95}, {"epsilon", 1e-8}, {"weight_decay", 0.1}};
  const auto adamw_inputs = [](const char* p, double skip) -> std::vector<CaseInput> {
    return {p,
            p,
            {p, 0, 1},
            p,
            {"f32[]", 0.5, 0.5},
            {"f32[]", skip, skip},
            {"f32[]", 0.01, 0.01},
            {"f32[]", 0.1, 0.1},
            {"f32[]", 0.05, 0.05}};
  };
  Attributes bucket = adamw;
  bucket.set("decay_begins", Names{"0", "50"});
  bucket.set("decay_ends", Names{"7", "170"});
  bucket.set("bucket_elements", int64_t{210});
  Attributes piece = bucket;  // the second half of a part of 70, which is the bucket's first third
  piece.set("piece", int64_t{35});
  piece.set("piece_elements", int64_t{35});
  piece.set("part_elements", int64_t{70});
  return {
      {.kind = OpKind::kAccumulate, .name = "blocks", .inputs = {p, p}, .updates = 1},
      {.kind = OpKind::kAdamW,
       .name = "steps",
       .inputs = adamw_inputs(p, 0),
       .attributes = adamw,
       .updates = 3},
      {.kind = OpKind::kAdamW,
       .name = "skips",
       .inputs = adamw_inputs(p, 1),
       .attributes = adamw,
       .updates = 3},
      {.kind = OpKind::kAdamW,
       .name = "bucket",
       .inputs = adamw_inputs("f32[elements=210]", 0),
       .attributes = bucket,
       .updates = 3},
      {.kind = OpKind::kAdamW,
       .name = "piece",
       .inputs = adamw_inputs("f32[elements=35]", 0),
       .attributes = piece,
       .updates = 3},
      {OpKind::kReplicaSum, "two", {"f32[vocab=53, embed=37]", "f32[vocab=53, embed=37]"}},
      {OpKind::kReplicaSum, "three", {"f32[embed=37]", "f32[embed=37]", "f32[embed=37]"}},
  };
}

std::vector<OpCase> storage_cases() {
  return {
      {.kind = OpKind::kBucketView,
       .name = "part",
       .inputs = {"f32[elements=64]"},
       .attributes = {{"dims", Names{"mlp", "embed"}},
                      {"sizes", Names{"5", "7"}},
                      {"offset", int64_t{16}}},
       .uncut = {"mlp", "embed"}},  // its offset is one of local elements
      {.kind = OpKind::kBucketPack,
       .name = "with_gaps",
       .inputs = {"f32[mlp=5, embed=7]", "f32[embed=7]"},
       .attributes = {{"elements", int64_t{64}}, {"offsets", Names{"0", "48"}}},
       .uncut = {"elements"}},
      {OpKind::kSettle, "whole", {"f32[elements=210]"}},
      {.kind = OpKind::kCacheAppend,
       .name = "middle",
       .inputs = {"f32[batch=2, context=11, kv_heads=3, head_dim=5]",
                  "f32[batch=2, seq=4, kv_heads=3, head_dim=5]",
                  {"i32[]", 6, 6}},
       .updates = 1,
       .uncut = {"context"}},  // the length counts all of it
      {OpKind::kTakePosition, "one", {"f32[batch=3, seq=5, embed=7]", {"i32[]", 3, 3}}},
      {.kind = OpKind::kSlice,
       .name = "middle_dim",
       .inputs = {"f32[batch=3, seq=6, embed=7]"},
       .attributes = {{"axes", "tp2"}, {"dim", "seq"}},
       .coordinate = 1,
       .uncut = {"seq"}},  // it is cut already
      {.kind = OpKind::kSlice,
       .name = "flat",
       .inputs = {"f32[elements=24]"},
       .attributes = {{"axes", "shard4"}, {"dim", "elements"}},
       .coordinate = 2,
       .uncut = {"elements"}},
      {OpKind::kMask, "keeps", {"f32[batch=3, embed=7]"}, {{"axes", "tp2"}}},
      {.kind = OpKind::kMask,
       .name = "clears",
       .inputs = {"f32[batch=3, embed=7]"},
       .attributes = {{"axes", "tp2"}},
       .coordinate = 1},
  };
}

}  // namespace

std::vector<OpCase> step_op_cases() {
  std::vector<OpCase> all;
  for (auto* group : {reduction_cases, update_cases, storage_cases}) {
    for (OpCase& op_case : group()) all.push_back(std::move(op_case));
  }
  return all;
}

}  // namespace tutti
