#include "comm/flight_recorder.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

Call sum_of(const std::string& name) {
  return {CallKind::kAllReduce, DType::kF32, 1, Reduce::kSum, -1, name};
}

TEST(FlightRecorder, SaysWhatARankIsAt) {
  VirtualClock clock;
  FlightRecorder recorder(4, clock);
  EXPECT_EQ(recorder.describe(), "no call yet");
  const int64_t loss = recorder.begin(sum_of("loss"), "tp", 41);
  clock.advance_s(2);
  EXPECT_EQ(recorder.describe(), "in all_reduce of %loss (#41 of group tp) for 2.0 s");
  recorder.set_running(loss);
  recorder.end(loss, true);
  clock.advance_s(31.2);
  EXPECT_EQ(recorder.describe(), "last: all_reduce of %loss (#41 of group tp) done 31.2 s ago");
  const int64_t one = recorder.begin(sum_of("x"), "dp", 1);
  recorder.begin(Call{.name = "end"}, "pp", 7);
  EXPECT_EQ(
      recorder.describe(),
      "in all_reduce of %x (#1 of group dp) for 0 us, in barrier end (#7 of group pp) for 0 us");
  recorder.end(one, false);
  EXPECT_EQ(recorder.describe(), "in barrier end (#7 of group pp) for 0 us");
}

TEST(FlightRecorder, KeepsTheLastCalls) {
  VirtualClock clock;
  FlightRecorder recorder(2, clock);
  const int64_t first = recorder.begin(sum_of("a"), "tp", 1);
  recorder.begin(sum_of("b"), "tp", 2);
  recorder.begin(sum_of("c"), "tp", 3);
  recorder.end(first, false);  // kept no longer
  const std::vector<RecordedCall> calls = recorder.calls();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].call.name, "b");
  EXPECT_EQ(calls[1].call, sum_of("c"));
  EXPECT_EQ(calls[1].state, CallState::kWaiting);
}

}  // namespace
}  // namespace tutti
