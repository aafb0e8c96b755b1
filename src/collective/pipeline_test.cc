#include "collective/pipeline.h"

#include <gtest/gtest.h>

#include <vector>

namespace tutti {
namespace {

TEST(Pipeline, AMicrobatchGoesInLoopsOrBackAndForth) {
  const auto stages_in_order = [](const Pipeline& pipeline) {
    std::vector<int> stages;
    for (int p = 0; p < pipeline.positions(); ++p) stages.push_back(pipeline.stage_of(p));
    return stages;
  };
  EXPECT_EQ(stages_in_order({3, 2, ChunkOrder::kLoop}), (std::vector{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(stages_in_order({3, 3, ChunkOrder::kV}), (std::vector{0, 1, 2, 2, 1, 0, 0, 1, 2}));
}

TEST(Pipeline, PositionsAndChunksOfStagesAreInverse) {
  for (const ChunkOrder order : {ChunkOrder::kLoop, ChunkOrder::kV}) {
    const Pipeline pipeline{5, 4, order};
    for (int p = 0; p < pipeline.positions(); ++p) {
      EXPECT_EQ(pipeline.position(pipeline.stage_of(p), pipeline.chunk_of(p)), p);
    }
  }
}

}  // namespace
}  // namespace tutti
