#include "telemetry/step_record.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

namespace tutti {
namespace {

TEST(StepRecord, LineHasTheShortestDigitsInAFixedOrder) {
  const StepRecord record{.step = 3,
                          .loss = 0.1,
                          .grad_norm = 2,
                          .lr = 3e-4,
                          .tokens_per_s = 1e5,
                          .step_time_s = 0.25,
                          .tokens = 4096,
                          .val_loss = 1.5,
                          .memory_bytes = 1 << 20,
                          .wall_s = 1.5e9};
  EXPECT_EQ(to_json_line(record),
            R"({"step":3,"loss":0.1,"grad_norm":2.0,"lr":0.0003,"tokens_per_s":100000.0,)"
            R"("step_time_s":0.25,"tokens":4096,"memory_bytes":1048576,)"
            R"("val_loss":1.5,"wall_s":1500000000.0})");
}

TEST(StepRecord, ReadsBackTheSameBits) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 bits(seed);
  for (int i = 0; i < 2000; ++i) {
    StepRecord record{
        .step = i + 1, .tokens = static_cast<int64_t>(bits() >> 1), .skipped = i % 2 == 0};
    for (double* value : {&record.loss, &record.grad_norm, &record.lr}) {
      do *value = std::bit_cast<double>(bits());
      while (!std::isfinite(*value));
    }
    record.mfu = record.lr;
    record.memory_bytes = static_cast<int64_t>(bits() >> 1);
    record.wall_s = record.loss;
    const auto parsed = parse_step_record(to_json_line(record));
    ASSERT_TRUE(parsed.ok()) << parsed.message();
    ASSERT_EQ(*parsed, record) << to_json_line(record);
  }
}

TEST(StepRecord, KeepsNanAndInfinities) {
  const StepRecord record{.step = 1, .loss = NAN, .grad_norm = INFINITY, .lr = -INFINITY};
  const auto parsed = parse_step_record(to_json_line(record));
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(std::isnan(parsed->loss));
  EXPECT_EQ(parsed->grad_norm, INFINITY);
  EXPECT_EQ(parsed->lr, -INFINITY);
}

TEST(StepRecord, RefusesWhatIsNotOneAndSkipsUnknownKeys) {
  for (const char* bad : {"", "{", "[]", "{}", R"({"step":"3"})", R"({"step":1.5})",
                          R"({"step":1,"loss":"high"})", R"({"step":1,"loss":[]})", "\xFF"}) {
    const auto parsed = parse_step_record(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kCorrupt);
  }
  EXPECT_EQ(parse_step_record(R"({"step":4,"new":{"a":1}})")->step, 4);
}

}  // namespace
}  // namespace tutti
