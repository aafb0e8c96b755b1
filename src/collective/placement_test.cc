#include "collective/placement.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

const MeshAxis kTp2{Axis::kTp, 2, 1};
const MeshAxis kShard2{Axis::kShard, 2, 1};
const MeshAxis kDp2{Axis::kDp, 2, 1};

std::vector<CollectiveKind> kinds(const Placement& from, const Placement& to) {
  auto steps = plan_redistribution(from, to);
  EXPECT_TRUE(steps.has_value());
  std::vector<CollectiveKind> result;
  if (!steps) return result;
  for (const RedistributionStep& step : *steps) result.push_back(step.kind);
  if (!steps->empty()) {
    EXPECT_EQ(steps->back().result, to);
  }
  return result;
}

Placement cut(std::vector<AxisList> dims) {
  Placement placement;
  placement.dims = std::move(dims);
  return placement;
}

TEST(Redistribution, EachRowOfTheTable) {
  const Placement whole = replicated(2);
  const Placement rows = cut({{kTp2}, {}}), columns = cut({{}, {kTp2}});
  const Placement sum = with_partial(whole, Reduce::kSum, {kTp2});
  using K = CollectiveKind;
  EXPECT_EQ(kinds(sum, whole), std::vector{K::kAllReduce});
  EXPECT_EQ(kinds(sum, rows), std::vector{K::kReduceScatter});
  EXPECT_EQ(kinds(rows, whole), std::vector{K::kAllGather});
  EXPECT_EQ(kinds(rows, columns), std::vector{K::kAllToAll});
  EXPECT_EQ(kinds(whole, rows), std::vector{K::kSlice});
  EXPECT_EQ(kinds(whole, sum), std::vector{K::kMask});
  EXPECT_TRUE(kinds(sum, sum).empty());
}

TEST(Redistribution, HybridShardingReducesScattersThenReducesTheRest) {
  const Placement from = with_partial(cut({{kTp2}}), Reduce::kSum, {kDp2, kShard2});
  const Placement to = cut({{kTp2, kShard2}});
  EXPECT_EQ(kinds(from, to),
            (std::vector{CollectiveKind::kReduceScatter, CollectiveKind::kAllReduce}));
}

TEST(Redistribution, UnequalOrderOfAxesIsRefused) {
  EXPECT_FALSE(plan_redistribution(cut({{kTp2, kShard2}}), cut({{kShard2, kTp2}})).has_value());
}

TEST(Placement, AnAxisMayOccurOnlyOnce) {
  EXPECT_TRUE(well_formed(cut({{kTp2}, {kShard2}})));
  EXPECT_FALSE(well_formed(cut({{kTp2}, {kTp2}})));
  EXPECT_FALSE(well_formed(with_partial(cut({{kTp2}}), Reduce::kSum, {kTp2})));
}

}  // namespace
}  // namespace tutti
