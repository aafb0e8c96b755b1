#include "schedule/weight_gaps.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

// Of two stages; stage 0 waits for Bi1 as long as F takes.
Schedule late_weights() {
  const Result<Schedule> schedule = parse_schedule_csv(
      "F0,F1,Bi0,Bi1,Bw0,Bw1\n"
      "F0,Bi0,F1,Bi1,Bw0,Bw1\n");
  TUTTI_CHECK(schedule.ok(), "{}", schedule.message());
  return *schedule;
}

std::string filled(const PassTimes& times, const WeightGapOptions& options) {
  return print_schedule_csv(fill_gaps_with_weights(late_weights(), times, options));
}

constexpr const char* kMoved =
    "F0,F1,Bi0,Bw0,Bi1,Bw1\n"
    "F0,Bi0,F1,Bi1,Bw0,Bw1\n";

TEST(WeightGaps, AGapIsFilledWhenItIsLongEnough) {
  EXPECT_EQ(filled({1, 1, 1, 0}, {2, 1}), kMoved);
  EXPECT_EQ(filled({1, 1, 2, 0}, {2, 0.5}), kMoved);
  EXPECT_EQ(filled({1, 1, 2, 0}, {2, 1}), print_schedule_csv(late_weights()));
}

TEST(WeightGaps, WithoutAGapWeightsComeLast) {
  const Result<Schedule> schedule = parse_schedule_csv("F0,Bi0,Bw0,F1,Bi1,Bw1\n");
  ASSERT_TRUE(schedule.ok()) << schedule.message();
  EXPECT_EQ(print_schedule_csv(fill_gaps_with_weights(*schedule, {}, {2, 0})),
            "F0,Bi0,F1,Bi1,Bw0,Bw1\n");
}

TEST(WeightGaps, AStageThatHoldsAsMuchAsItMayLetsGoFirst) {
  EXPECT_EQ(filled({1, 1, 5, 0}, {2, 1}), print_schedule_csv(late_weights()));
  const Result<Schedule> schedule = parse_schedule_csv("F0,Bi0,Bw0,F1,Bi1,Bw1\n");
  ASSERT_TRUE(schedule.ok()) << schedule.message();
  const Schedule within = fill_gaps_with_weights(*schedule, {}, {1, 0});
  EXPECT_EQ(print_schedule_csv(within), "F0,Bi0,Bw0,F1,Bi1,Bw1\n");
  EXPECT_TRUE(verify_held(within, 1).ok());
}

}  // namespace
}  // namespace tutti
