#include "telemetry/spans.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/json.h"
#include "telemetry/trace.h"

namespace tutti {
namespace {

TEST(Spans, ScopedSpanMeasuresItsScope) {
  VirtualClock clock;
  SpanRecorder recorder(clock, 10);
  const SpanNameId name = recorder.name("forward");
  const LaneId lane = recorder.lane("compute");
  EXPECT_EQ(recorder.name("forward"), name);
  EXPECT_FALSE(recorder.name("backward") == name);
  clock.advance_s(1);
  {
    const ScopedSpan span(&recorder, lane, name, 7);
    clock.advance_s(0.5);
  }
  ASSERT_EQ(recorder.spans().size(), 1u);
  const Span& span = recorder.spans()[0];
  EXPECT_EQ(span.begin_s, 1);
  EXPECT_EQ(span.end_s, 1.5);
  EXPECT_EQ(span.step, 7);
  { const ScopedSpan nothing(nullptr, lane, name); }
  EXPECT_EQ(recorder.spans().size(), 1u);
}

TEST(Spans, BeyondTheCapacityTheyAreDroppedAndCounted) {
  VirtualClock clock;
  SpanRecorder recorder(clock, 2);
  for (int i = 0; i < 5; ++i) recorder.add({.step = i});
  EXPECT_EQ(recorder.spans().size(), 2u);
  EXPECT_EQ(recorder.dropped(), 3u);
  recorder.clear();
  EXPECT_EQ(recorder.spans().size(), 0u);
  EXPECT_EQ(recorder.dropped(), 0u);
}

TEST(Spans, ThreadsAddAtTheSameTime) {
  VirtualClock clock;
  SpanRecorder recorder(clock, 4000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&recorder, t] {
      for (int i = 0; i < 1000; ++i) recorder.add({.step = t * 1000 + i});
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<int> seen(4000);
  for (const Span& span : recorder.spans()) ++seen[span.step];
  EXPECT_EQ(seen, std::vector<int>(4000, 1));
}

TEST(Trace, IsJsonWithARankForAProcessAndALaneForAThread) {
  VirtualClock clock;
  SpanRecorder recorder(clock, 10);
  const LaneId lane = recorder.lane("compute");
  recorder.add({recorder.name("quote \" and \xFF"), lane, 3, 1.0, 1.25});
  const std::string ranks[] = {trace_events(0, recorder), trace_events(5, recorder)};
  const auto json = parse_json(trace_json(ranks), "text").value();
  ASSERT_TRUE(json.is_object());
  ASSERT_EQ(json["traceEvents"].size(), 6u);
  EXPECT_EQ(json["traceEvents"][1]["args"]["name"], "compute");
  const auto& event = json["traceEvents"][5];
  EXPECT_EQ(event["ph"], "X");
  EXPECT_EQ(event["pid"], 5);
  EXPECT_EQ(event["tid"], 0);
  EXPECT_EQ(event["ts"], 1e6);
  EXPECT_EQ(event["dur"], 250000.0);
  EXPECT_EQ(event["args"]["step"], 3);
}

TEST(Trace, WithoutSpansItIsStillJson) { EXPECT_TRUE(parse_json(trace_json({}), "text").ok()); }

}  // namespace
}  // namespace tutti
