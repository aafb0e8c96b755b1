#include "base/nearest.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace tutti {
namespace {

TEST(Nearest, DistanceCountsEachKindOfEditOnce) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("setps", "steps"), 1u) << "a swap is one edit";
  EXPECT_EQ(edit_distance("same", "same"), 0u);
}

TEST(Nearest, FindsTheTypo) {
  const std::vector<std::string> keys = {"micro_batch", "global_batch", "steps", "seed"};
  EXPECT_EQ(nearest_name("micro_bacth", keys), "micro_batch");
  EXPECT_EQ(nearest_name("step", keys), "steps");
  EXPECT_EQ(did_you_mean("sede", keys), "; did you mean \"seed\"?");
}

TEST(Nearest, SaysNothingWhenNothingIsNear) {
  constexpr std::array<std::string_view, 2> kNames = {"adamw", "sgd"};
  EXPECT_EQ(nearest_name("temperature", kNames), "");
  EXPECT_EQ(did_you_mean("temperature", kNames), "");
}

}  // namespace
}  // namespace tutti
