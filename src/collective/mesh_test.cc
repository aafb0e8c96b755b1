#include "collective/mesh.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

Mesh mesh_2_2_2() {
  Mesh mesh;
  mesh.size(Axis::kPp) = 2;
  mesh.size(Axis::kShard) = 2;
  mesh.size(Axis::kTp) = 2;
  return mesh;
}

TEST(Mesh, TensorParallelNeighboursAreAdjacentRanks) {
  const Mesh mesh = mesh_2_2_2();
  EXPECT_EQ(mesh.world_size(), 8);
  EXPECT_EQ(mesh.group(5, mesh.whole(Axis::kTp)), (std::vector<int>{4, 5}));
  EXPECT_EQ(mesh.group(5, mesh.whole(Axis::kShard)), (std::vector<int>{5, 7}));
  EXPECT_EQ(mesh.group(5, mesh.whole(Axis::kPp)), (std::vector<int>{1, 5}));
}

TEST(Mesh, GroupOfTwoAxesIsOrderedMajorFirst) {
  const Mesh mesh = mesh_2_2_2();
  AxisList axes = mesh.whole(Axis::kTp);
  axes.push_back(mesh.whole(Axis::kShard)[0]);
  const std::vector<int> group = mesh.group(0, axes);
  EXPECT_EQ(group, (std::vector<int>{0, 2, 1, 3}));
  for (size_t i = 0; i < group.size(); ++i) {
    EXPECT_EQ(mesh.group_index(group[i], axes), static_cast<int>(i));
  }
}

TEST(Mesh, FactorsOfAnAxisMakeUpTheAxis) {
  Mesh mesh;
  mesh.size(Axis::kTp) = 8;
  const AxisList factors = {{Axis::kTp, 2, 4}, {Axis::kTp, 4, 1}};
  for (int rank = 0; rank < 8; ++rank) EXPECT_EQ(mesh.group_index(rank, factors), rank);
  EXPECT_EQ(mesh.group(6, {factors[0]}), (std::vector<int>{2, 6}));
}

TEST(Mesh, AxisListsSurviveTheirText) {
  const AxisList axes = {{Axis::kShard, 4, 1}, {Axis::kTp, 2, 2}};
  EXPECT_EQ(to_string(axes), "shard4.tp2s2");
  EXPECT_EQ(parse_axis_list("shard4.tp2s2"), axes);
  EXPECT_FALSE(parse_axis_list("shard"));
  EXPECT_FALSE(parse_axis_list("bogus4"));
  EXPECT_FALSE(parse_axis_list("tp0"));
}

}  // namespace
}  // namespace tutti
