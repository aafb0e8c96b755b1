#include "schedule/schedule.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(Schedule, AZeroBubbleScheduleIsAccepted) {
  const Result<Schedule> schedule = parse_schedule_csv(
      "# two stages, two microbatches\n"
      "F0, F1, Bi0, Bw0, Bi1, Bw1\n"
      "F0, Bi0, F1, Bi1, Bw0, Bw1\n");
  ASSERT_TRUE(schedule.ok()) << schedule.message();
  EXPECT_EQ(schedule->microbatches, 2);
  EXPECT_TRUE(schedule->splits_backward());
}

TEST(Schedule, TheFirstFaultIsNamed) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"F0,B0,B0\n", "stage 0: B0 is run twice"},
      {"B0,F0\n", "stage 0: B0 comes before F0"},
      {"F0,Bw0,Bi0\n", "stage 0: Bw0 comes before Bi0"},
      {"F0,F1,B0\n", "stage 0: B1 is missing"},
      {"F0,B0\nF0\n", "stage 1: B0 is missing"},
      {"F0,F0.1,B0.1,B0\nF0,B0\n", "stage 1: F0.1 is missing"},
      {"F0,F0.1,B0,B0.1\n", "stage 0: B0 waits for ever"},
      {"order=v\nF0,F0.1,B0.1,B0\nF0.1,F0,B0,B0.1\n", "waits for ever"},
      {"F0,Bi0,B0\n", "either splits every backward or none"},
      {"F0,B0,F1,B1\nF1,B1,F0,B0\n", "waits for ever"},
      {"F0,X0\n", "schedule line 1: expected F, B, Bi or Bw"},
      {"", "no stage"},
  };
  for (const auto& c : kCases) {
    const Result<Schedule> schedule = parse_schedule_csv(c.text);
    ASSERT_FALSE(schedule.ok()) << c.text;
    EXPECT_NE(schedule.message().find(c.message), std::string::npos) << schedule.message();
  }
}

TEST(Schedule, ChunksLieInALoopOrAV) {
  const std::string v = "order=v\nF0,F0.1,B0.1,B0\nF0,F0.1,B0.1,B0\n";
  const Result<Schedule> schedule = parse_schedule_csv(v);
  ASSERT_TRUE(schedule.ok()) << schedule.message();
  EXPECT_EQ(schedule->chunks, 2);
  EXPECT_EQ(schedule->position(0, 1), 3);
  EXPECT_EQ(schedule->position(1, 1), 2);
  EXPECT_EQ(print_schedule_csv(*schedule), v);
  EXPECT_EQ((Schedule{1, {{}, {}}, 2}.position(0, 1)), 2);
}

TEST(Schedule, NamesThePassThatHoldsTooMuch) {
  const Result<Schedule> schedule = parse_schedule_csv("F0,F1,Bi0,Bi1,F2,Bw0,Bi2,Bw1,Bw2\n");
  ASSERT_TRUE(schedule.ok()) << schedule.message();
  EXPECT_EQ(held_microbatches(*schedule, 0), 3);
  EXPECT_TRUE(verify_held(*schedule, 3).ok());
  EXPECT_EQ(verify_held(*schedule, 2).message(),
            "stage 0: F2 would hold the activations of 3 microbatches, the limit is 2");
}

TEST(Schedule, TheSequentialScheduleVerifies) { EXPECT_TRUE(verify(sequential_schedule(3)).ok()); }

}  // namespace
}  // namespace tutti
