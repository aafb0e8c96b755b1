#include "base/signal.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(StopSignal, CatchesTheFirstAndKeepsIt) {
  const StopSignal stop;
  EXPECT_FALSE(stop.requested());
  ASSERT_EQ(raise(SIGTERM), 0);
  EXPECT_EQ(stop.caught(), SIGTERM);
  ASSERT_EQ(raise(SIGINT), 0);
  EXPECT_EQ(stop.caught(), SIGTERM);
}

TEST(StopSignal, EachObjectStartsClearAndRestoresHandlers) {
  struct sigaction before, after;
  ASSERT_EQ(sigaction(SIGINT, nullptr, &before), 0);
  {
    const StopSignal stop;
    EXPECT_FALSE(stop.requested());
    ASSERT_EQ(raise(SIGINT), 0);
    EXPECT_EQ(stop.caught(), SIGINT);
  }
  ASSERT_EQ(sigaction(SIGINT, nullptr, &after), 0);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
}

TEST(StopSignalDeathTest, SecondInterruptEndsTheProcess) {
  EXPECT_EXIT(
      {
        const StopSignal stop;
        raise(SIGINT);
        raise(SIGINT);
      },
      ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace tutti
