#include "base/median.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(Median, IsTheLargerOfTwoMiddleValues) {
  EXPECT_EQ(median({5}), 5);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 3, 2}), 3);
}

}  // namespace
}  // namespace tutti
