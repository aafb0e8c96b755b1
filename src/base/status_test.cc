#include "base/status.h"

#include <gtest/gtest.h>

#include <memory>

namespace tutti {
namespace {

Result<int> half(int x) {
  if (x % 2 != 0) return invalid("{} is odd", x);
  return x / 2;
}

Result<int> quarter(int x) {
  TUTTI_ASSIGN(const int h, half(x));
  return half(h);
}

Status check_even(int x) {
  TUTTI_TRY(half(x));
  return {};
}

TEST(Status, ErrorsTravelThroughTheMacros) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).message(), "3 is odd");
  EXPECT_TRUE(check_even(2).ok());
  EXPECT_EQ(check_even(7).error().kind, ErrorKind::kInvalidArgument);
}

TEST(Status, CopyKeepsTheError) {
  const Status failed = not_found("{} is missing", "x");
  Status copy;
  EXPECT_TRUE(copy.ok());
  copy = failed;
  EXPECT_EQ(copy.message(), "x is missing");
  EXPECT_EQ(failed.message(), "x is missing");
  EXPECT_FALSE(Result<int>(failed).status().ok());
}

TEST(Status, ResultMovesItsValueOut) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(5));
  const std::unique_ptr<int> value = std::move(result).value();
  EXPECT_EQ(*value, 5);
}

TEST(StatusDeathTest, CheckPrintsConditionAndMessage) {
  EXPECT_DEATH(TUTTI_CHECK(1 > 2, "x = {}", 7),
               "status_test.cc:[0-9]+: check failed: 1 > 2: x = 7");
  EXPECT_DEATH(TUTTI_CHECK(1 > 2), "check failed: 1 > 2\n");
}

}  // namespace
}  // namespace tutti
