#include "plan/plan.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

Plan tensor_parallel(int tp) {
  Plan plan;
  plan.mesh.size(Axis::kTp) = tp;
  return plan;
}

TEST(Plan, HeadsFactorIntoKeyHeadsAndGroup) {
  const Plan plan = tensor_parallel(8);
  const Placement q = placement_by_rules(plan, {{"batch", 2}, {"kv_heads", 2}, {"group", 4}});
  EXPECT_EQ(to_string(q.dims[1]), "tp2s4");
  EXPECT_EQ(to_string(q.dims[2]), "tp4");
  EXPECT_TRUE(well_formed(q));
}

TEST(Plan, ValidationSaysWhatDoesNotDivide) {
  PlannedSizes sizes{.layers = 2, .kv_heads = 8, .group = 4, .mlp = 96, .vocab = 96, .seq = 48};
  const Status heads = validate(tensor_parallel(3), sizes);
  ASSERT_FALSE(heads.ok());
  EXPECT_EQ(heads.message(), "parallel.tp = 3 does not divide 32 heads (8 key/value x group 4)");
  Plan zero;
  zero.zero = 3;
  zero.mesh.size(Axis::kDp) = 4;
  const Status shard = validate(zero, sizes);
  ASSERT_FALSE(shard.ok());
  EXPECT_NE(shard.message().find("set parallel.shard = 4, parallel.dp = 1"), std::string::npos);
  EXPECT_TRUE(validate(tensor_parallel(8), sizes).ok());
}

TEST(Plan, LayersSpreadOverStagesWithEmbeddingFirstAndHeadLast) {
  Plan plan;
  plan.mesh.size(Axis::kPp) = 2;
  EXPECT_EQ(position_of_block(plan, -1, 4), 0);
  EXPECT_EQ(position_of_block(plan, 1, 4), 0);
  EXPECT_EQ(position_of_block(plan, 2, 4), 1);
  EXPECT_EQ(position_of_block(plan, 4, 4), 1);
}

}  // namespace
}  // namespace tutti
