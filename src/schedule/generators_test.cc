#include "schedule/generators.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tutti {
namespace {

std::string text_of(const std::vector<ScheduledPass>& passes) {
  std::string text;
  for (const ScheduledPass& pass : passes) {
    text += fmt::format("{}{}{}", text.empty() ? "" : ",", pass_name(pass.kind), pass.microbatch);
  }
  return text;
}

// The most microbatches that a stage holds between their forward and backward passes.
int held(const std::vector<ScheduledPass>& passes) {
  int now = 0, most = 0;
  for (const ScheduledPass& pass : passes) {
    now += pass.kind == PassKind::kForward ? 1 : -1;
    most = std::max(most, now);
  }
  return most;
}

TEST(Generators, EverySizeIsCompleteAndFreeOfDeadlock) {
  for (int stages = 1; stages <= 9; ++stages) {
    for (int microbatches = 1; microbatches <= 20; ++microbatches) {
      const auto where = fmt::format("{} stages, {} microbatches", stages, microbatches);
      const Status gpipe = verify(gpipe_schedule(stages, microbatches));
      EXPECT_TRUE(gpipe.ok()) << where << ": " << gpipe.message();
      const Status alternating = verify(one_forward_one_backward_schedule(stages, microbatches));
      EXPECT_TRUE(alternating.ok()) << where << ": " << alternating.message();
    }
  }
}

TEST(Generators, OneForwardOneBackwardHoldsNoMoreThanTheStagesThatFollow) {
  const Schedule schedule = one_forward_one_backward_schedule(4, 16);
  for (int stage = 0; stage < 4; ++stage) {
    EXPECT_EQ(held(schedule.stages[static_cast<size_t>(stage)]), 4 - stage);
  }
  EXPECT_EQ(held(one_forward_one_backward_schedule(4, 2).stages[0]), 2);
  EXPECT_EQ(held(gpipe_schedule(4, 16).stages[3]), 16);
}

TEST(Generators, WorkedExample) {
  const Schedule schedule = one_forward_one_backward_schedule(3, 4);
  EXPECT_EQ(text_of(schedule.stages[0]), "F0,F1,F2,B0,F3,B1,B2,B3");
  EXPECT_EQ(text_of(schedule.stages[1]), "F0,F1,B0,F2,B1,F3,B2,B3");
  EXPECT_EQ(text_of(schedule.stages[2]), "F0,B0,F1,B1,F2,B2,F3,B3");
  EXPECT_EQ(text_of(gpipe_schedule(2, 2).stages[1]), "F0,F1,B0,B1");
}

}  // namespace
}  // namespace tutti
