#include <gtest/gtest.h>

#include <algorithm>

#include "schedule/generators.h"

namespace tutti {
namespace {

constexpr PassTimes kEqual = {1, 1, 1, 0};
constexpr PassTimes kUnequal[] = {
    {1, 1.1, 0.8, 0.05}, {1, 1, 1, 0.1}, {1, 0.8, 1.1, 0}, {18.522, 18.086, 9.337, 0.601}};

double most_held(const Schedule& schedule) {
  double most = 0;
  for (int s = 0; s < schedule.stage_count(); ++s) {
    most = std::max(most, held_microbatches(schedule, s));
  }
  return most;
}

double bubble_rate(const Schedule& schedule, const PassTimes& times) {
  return simulate(schedule, times).bubble_rate();
}

TEST(VSchedules, ZbvHasNoBubbleWithTheMemoryOf1F1B) {
  for (int n : {1, 2, 3, 4, 7, 8, 16, 32}) {
    for (int m : {2 * n, 2 * n + 1, 3 * n, 128}) {
      const Schedule schedule = zbv_schedule(n, m);
      EXPECT_NEAR(simulate(schedule, kEqual).cost(), 3 * m, 1e-9) << n << ", " << m;
      for (int s = 0; s < n; ++s) EXPECT_EQ(held_microbatches(schedule, s), n) << n << ", " << m;
    }
  }
}

TEST(VSchedules, ZbvOfFewMicrobatchesIsShorterThanZbH1) {
  for (int n : {2, 4, 8, 16}) {
    for (int m : {1, n / 2, n, n + n / 2, 2 * n - 1}) {
      const Schedule schedule = zbv_schedule(n, m);
      EXPECT_LT(simulate(schedule, kEqual).cost(), simulate(zb_h1_schedule(n, m), kEqual).cost())
          << n << ", " << m;
      EXPECT_LE(most_held(schedule), n) << n << ", " << m;
    }
  }
}

TEST(VSchedules, ZbvOfUnequalTimesHasHalfTheBubbleOfZbH1) {
  for (const PassTimes& times : kUnequal) {
    for (int n : {4, 8, 16}) {
      for (int m : {2 * n, 4 * n, 8 * n}) {
        const Schedule schedule = zbv_schedule(n, m, times);
        EXPECT_TRUE(verify(schedule).ok()) << n << ", " << m;
        EXPECT_LT(bubble_rate(schedule, times), bubble_rate(zb_h1_schedule(n, m), times) / 2)
            << n << ", " << m << ", Bi " << times.backward_input;
        EXPECT_LE(most_held(schedule), n) << n << ", " << m;
      }
    }
  }
}

TEST(VSchedules, ZbvMadeForItsTimesIsNotLonger) {
  for (const PassTimes& times : kUnequal) {
    for (int m : {4, 8, 12, 16, 32}) {
      EXPECT_LE(bubble_rate(zbv_schedule(8, m, times), times),
                bubble_rate(zbv_schedule(8, m), times) + 1e-9)
          << m << ", Bi " << times.backward_input;
    }
  }
  const PassTimes& quick_weights = kUnequal[3];
  EXPECT_LT(bubble_rate(zbv_schedule(8, 32, quick_weights), quick_weights),
            bubble_rate(zbv_schedule(8, 32), quick_weights));
}

// Half of ZB-H1's n - 1, and all in all no more than (n - 1) (F&B + B - 3 W) of half stages
// (DeepSeek-AI 2024, table 2, with 2 n stages of a direction).
TEST(VSchedules, DualPipeVHasHalfTheBubbleOfZbH1) {
  for (int n : {1, 2, 3, 4, 7, 8, 16, 32}) {
    for (int m : {2 * n, 2 * n + 1, 3 * n, 128}) {
      const Schedule schedule = dualpipev_schedule(n, m);
      const Timeline timeline = simulate(schedule, kEqual);
      EXPECT_NEAR(timeline.cost(), 3 * m + (n - 1) / 2.0, 1e-9) << n << ", " << m;
      for (const auto& stage : timeline.stages) {
        EXPECT_LE(stage.back().end, 3 * m + (n - 1) * (1.5 + 1 - 1.5)) << n << ", " << m;
      }
      EXPECT_EQ(most_held(schedule), n + 0.5) << n << ", " << m;
    }
  }
  for (const PassTimes& times : kUnequal) {
    EXPECT_LT(bubble_rate(dualpipev_schedule(8, 32), times),
              0.7 * bubble_rate(zb_h1_schedule(8, 32), times));
  }
}

TEST(VSchedules, WorkedExamples) {
  EXPECT_EQ(print_schedule_csv(zbv_schedule(2, 4)),
            "order=v\n"
            "F0,F1,F2,F0.1,Bi0.1,Bw0.1,F1.1,Bi1.1,Bw1.1,F3,Bi0,Bw0,F2.1,Bi2.1,Bw2.1,"
            "Bi1,Bw1,F3.1,Bi3.1,Bw3.1,Bi2,Bw2,Bi3,Bw3\n"
            "F0,F0.1,F1,F1.1,Bi0.1,Bw0.1,F2,Bi0,Bw0,F2.1,Bi1.1,Bw1.1,F3,Bi1,Bw1,F3.1,Bi2.1,Bw2.1,"
            "Bi2,Bi3.1,Bi3,Bw3,Bw2,Bw3.1\n");
  EXPECT_EQ(print_schedule_csv(dualpipev_schedule(2, 4)),
            "order=v\n"
            "F0,F1,F2,F0.1,Bi0.1,Bw0.1,F1.1,F3,Bi1.1,Bw1.1,F2.1,Bi0,Bw0,Bi2.1,Bw2.1,F3.1,Bi1,Bw1,"
            "Bi3.1,Bw3.1,Bi2,Bw2,Bi3,Bw3\n"
            "F0,F0.1,F1,F1.1,F2,Bi0.1,Bw0.1,F2.1,Bi0,Bw0,F3,Bi1.1,Bw1.1,F3.1,Bi1,Bw1,"
            "Bi2.1,Bw2.1,Bi2,Bw2,Bi3.1,Bi3,Bw3.1,Bw3\n");
}

}  // namespace
}  // namespace tutti
