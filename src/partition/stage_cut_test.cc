#include "partition/stage_cut.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/test_seed.h"

namespace tutti {
namespace {

std::vector<BlockCost> blocks(const std::vector<double>& work) {
  std::vector<BlockCost> costs;
  for (double cost : work) costs.push_back({.forward = cost / 2, .backward_input = cost / 2});
  return costs;
}

TEST(StageCut, AHeadAsLargeAsLayersMovesThemToTheFront) {
  // Embedding 0, eight layers of 1, head 3: 4, 4 and 3 of cost 4, 4, 3 would need 11 layers.
  EXPECT_EQ(*cut_by_cost(blocks({0, 1, 1, 1, 1, 1, 1, 1, 1, 3}), {{2, 1}}),
            (std::vector{0, 0, 0, 0, 0, 1, 1, 1}));
}

TEST(StageCut, ASlowStageGetsFewerLayers) {
  EXPECT_EQ(*cut_by_cost(blocks({0, 1, 1, 1, 1, 1, 1, 0}), {{2, 1}, {0.5, 1}}),
            (std::vector{0, 0, 1, 1, 1, 1}));
}

// Six layers of 10 bytes each, of which the first stage keeps a microbatch more.
TEST(StageCut, NoPositionTakesMoreThanItMay) {
  std::vector<BlockCost> costs = blocks({0, 1, 1, 1, 1, 1, 1, 4});
  for (size_t i = 1; i < 7; ++i) costs[i].state_bytes = costs[i].stash_bytes = 5;
  StageCut cut{{2, 1}, {}, 0, {2, 1}};
  EXPECT_EQ(*cut_by_cost(costs, cut), (std::vector{0, 0, 0, 0, 0, 1}));
  cut.bytes_max = 50;  // 15 a layer on the first stage
  EXPECT_EQ(*cut_by_cost(costs, cut), (std::vector{0, 0, 0, 1, 1, 1}));
  cut.bytes_max = 30;
  EXPECT_FALSE(cut_by_cost(costs, cut).ok());
}

double slowest(const std::vector<int>& positions, const std::vector<double>& costs,
               const Pipeline& pipeline, const std::vector<double>& speeds) {
  std::vector<double> sums(static_cast<size_t>(pipeline.positions()), 0);
  sums.front() += costs.front();
  sums.back() += costs.back();
  for (size_t i = 0; i < positions.size(); ++i) {
    sums[static_cast<size_t>(positions[i])] += costs[i + 1];
  }
  double worst = 0;
  for (int p = 0; p < pipeline.positions(); ++p) {
    worst = std::max(
        worst, sums[static_cast<size_t>(p)] / speeds[static_cast<size_t>(pipeline.stage_of(p))]);
  }
  return worst;
}

// The best of all cuts of layers into the positions from `position` on.
double best_by_trying(std::vector<int>& cut, int position, const std::vector<double>& costs,
                      const Pipeline& pipeline, const std::vector<double>& speeds) {
  const int layers = static_cast<int>(costs.size()) - 2;
  if (position == pipeline.positions()) {
    return static_cast<int>(cut.size()) == layers ? slowest(cut, costs, pipeline, speeds) : 1e300;
  }
  const std::vector<int> before = cut;
  double best = 1e300;
  while (static_cast<int>(cut.size()) < layers) {
    cut.push_back(position);
    std::vector<int> rest = cut;
    best = std::min(best, best_by_trying(rest, position + 1, costs, pipeline, speeds));
  }
  cut = before;
  return best;
}

TEST(StageCut, IsAsGoodAsTheBestOfAllCuts) {
  std::mt19937 random(test_seed());
  for (int n = 0; n < 200; ++n) {
    const Pipeline pipeline{1 + static_cast<int>(random() % 3), 1 + static_cast<int>(random() % 2),
                            random() % 2 == 0 ? ChunkOrder::kLoop : ChunkOrder::kV};
    const auto layers = static_cast<size_t>(pipeline.positions()) + random() % 5;
    std::vector<double> costs(layers + 2), speeds(static_cast<size_t>(pipeline.stages));
    for (double& cost : costs) cost = 1 + static_cast<double>(random() % 8);
    for (double& speed : speeds) speed = 1 + static_cast<double>(random() % 3);
    const std::vector<int> cut = *cut_by_cost(blocks(costs), {pipeline, speeds});
    ASSERT_EQ(cut.size(), layers);
    std::vector<int> tried;
    EXPECT_EQ(slowest(cut, costs, pipeline, speeds),
              best_by_trying(tried, 0, costs, pipeline, speeds));
    for (int p = 0; p < pipeline.positions(); ++p) {
      EXPECT_NE(std::find(cut.begin(), cut.end(), p), cut.end()) << "nothing at " << p;
    }
  }
}

}  // namespace
}  // namespace tutti
