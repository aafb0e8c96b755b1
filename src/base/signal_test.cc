#include "base/signal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>

namespace tutti {
namespace {

// Signals of a process are taken by the object's thread, some time later.
bool catches(const StopSignal& stop, int signal) {
  for (int i = 0; i < 5000 && stop.caught() != signal; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return stop.caught() == signal;
}

TEST(StopSignal, CatchesTheFirstAndKeepsIt) {
  const StopSignal stop;
  EXPECT_FALSE(stop.requested());
  ASSERT_EQ(kill(getpid(), SIGTERM), 0);
  EXPECT_TRUE(catches(stop, SIGTERM));
  ASSERT_EQ(kill(getpid(), SIGTERM), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(stop.caught(), SIGTERM);
}

TEST(StopSignal, EachObjectStartsClearAndRestoresWhatWas) {
  struct sigaction before, after;
  sigset_t mask_before, mask_after;
  ASSERT_EQ(sigaction(SIGINT, nullptr, &before), 0);
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &mask_before), 0);
  {
    const StopSignal stop;
    EXPECT_FALSE(stop.requested());
    ASSERT_EQ(kill(getpid(), SIGINT), 0);
    EXPECT_TRUE(catches(stop, SIGINT));
  }
  ASSERT_EQ(sigaction(SIGINT, nullptr, &after), 0);
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &mask_after), 0);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
  for (const int signal : {SIGINT, SIGTERM}) {
    EXPECT_EQ(sigismember(&mask_before, signal), sigismember(&mask_after, signal));
  }
}

TEST(StopSignal, ThreadsOfLaterDoNotTakeSignals) {
  const StopSignal stop;
  bool blocked = false;
  std::thread([&blocked] {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1;
  }).join();
  EXPECT_TRUE(blocked);
}

TEST(StopSignalDeathTest, SecondInterruptEndsTheProcess) {
  EXPECT_EXIT(
      {
        const StopSignal stop;
        kill(getpid(), SIGINT);
        catches(stop, SIGINT);
        kill(getpid(), SIGINT);
        std::this_thread::sleep_for(std::chrono::seconds(10));
      },
      ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace tutti
