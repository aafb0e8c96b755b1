#include "optim/lr_schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tutti {
namespace {

LrSchedule schedule(LrShape shape) {
  return {.shape = shape,
          .lr = 6e-4,
          .min_lr = 6e-5,
          .warmup_steps = 10,
          .decay_steps = 100,
          .total_steps = 200};
}

constexpr LrShape kShapes[] = {LrShape::kCosine, LrShape::kLinear, LrShape::kWsd,
                               LrShape::kConstant};

TEST(LrSchedule, WarmsUpLinearlyToTheFullRateInTheLastWarmUpStep) {
  for (const LrShape shape : kShapes) {
    EXPECT_DOUBLE_EQ(learning_rate(schedule(shape), 0), 6e-5);
    EXPECT_DOUBLE_EQ(learning_rate(schedule(shape), 4), 3e-4);
    EXPECT_DOUBLE_EQ(learning_rate(schedule(shape), 9), 6e-4);
    EXPECT_DOUBLE_EQ(learning_rate(schedule(shape), 10), 6e-4);
  }
}

TEST(LrSchedule, CosineFollowsHalfACosineFromWarmUpOn) {
  const LrSchedule cosine = schedule(LrShape::kCosine);
  const double quarter = 6e-5 + 0.5 * (1 + std::cos(std::acos(-1.0) / 4)) * (6e-4 - 6e-5);
  EXPECT_NEAR(learning_rate(cosine, 35), quarter, 1e-15);
  EXPECT_NEAR(learning_rate(cosine, 60), 3.3e-4, 1e-15);
  EXPECT_DOUBLE_EQ(learning_rate(cosine, 110), 6e-5);
}

TEST(LrSchedule, LinearFallsBySameAmountEachStep) {
  const LrSchedule linear = schedule(LrShape::kLinear);
  for (int64_t step = 10; step < 110; ++step) {
    EXPECT_NEAR(learning_rate(linear, step) - learning_rate(linear, step + 1), 5.4e-6, 1e-15);
  }
  EXPECT_DOUBLE_EQ(learning_rate(linear, 110), 6e-5);
}

TEST(LrSchedule, WsdStaysUntilTheLastStepsOfTheRun) {
  const LrSchedule wsd = schedule(LrShape::kWsd);
  EXPECT_DOUBLE_EQ(learning_rate(wsd, 99), 6e-4);
  EXPECT_DOUBLE_EQ(learning_rate(wsd, 100), 6e-4);
  EXPECT_NEAR(learning_rate(wsd, 150), 3.3e-4, 1e-15);
  EXPECT_DOUBLE_EQ(learning_rate(wsd, 200), 6e-5);
}

TEST(LrSchedule, ConstantStays) {
  EXPECT_DOUBLE_EQ(learning_rate(schedule(LrShape::kConstant), 1'000'000), 6e-4);
}

TEST(LrSchedule, StaysAtTheMinimumAfterTheDecay) {
  for (const LrShape shape : {LrShape::kCosine, LrShape::kLinear, LrShape::kWsd}) {
    EXPECT_DOUBLE_EQ(learning_rate(schedule(shape), int64_t{1} << 60), 6e-5);
  }
}

TEST(LrSchedule, WithoutWarmUpStartsAtTheFullRate) {
  for (const LrShape shape : kShapes) {
    LrSchedule without = schedule(shape);
    without.warmup_steps = 0;
    EXPECT_DOUBLE_EQ(learning_rate(without, 0), 6e-4);
  }
}

TEST(LrSchedule, NeverLeavesTheRangeOfItsRates) {
  for (const LrShape shape : kShapes) {
    for (int64_t step = 10; step < 300; ++step) {
      const double lr = learning_rate(schedule(shape), step);
      EXPECT_GE(lr, 6e-5 * (1 - 1e-15));
      EXPECT_LE(lr, 6e-4);
    }
  }
}

}  // namespace
}  // namespace tutti
