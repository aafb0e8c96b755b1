#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

namespace tutti {
namespace {

TEST(ThreadPool, FuturesHaveWhatTheTasksReturn) {
  ThreadPool pool(3);
  EXPECT_EQ(pool.threads(), 3);
  std::vector<std::future<int>> futures;
  for (int i = 0; i < 100; ++i) futures.push_back(pool.submit([i] { return i * i; }));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(futures[i].get(), i * i);
}

TEST(ThreadPool, TasksMayHoldWhatOnlyMoves) {
  ThreadPool pool(1);
  auto future = pool.submit([p = std::make_unique<int>(7)] { return *p; });
  EXPECT_EQ(future.get(), 7);
}

TEST(ThreadPool, OneThreadKeepsTheOrder) {
  std::vector<int> order;
  {
    ThreadPool pool(1);
    for (int i = 0; i < 50; ++i) pool.submit([&order, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 50u) << "the destructor runs what was submitted";
  for (int i = 0; i < 50; ++i) EXPECT_EQ(order[i], i);
}

TEST(ThreadPool, TasksRunAtTheSameTime) {
  ThreadPool pool(2);
  std::promise<void> first_runs, second_ran;
  auto first = pool.submit([&] {
    first_runs.set_value();
    return second_ran.get_future().wait_for(std::chrono::seconds(20));
  });
  first_runs.get_future().wait();
  pool.submit([&] { second_ran.set_value(); });
  EXPECT_EQ(first.get(), std::future_status::ready);
}

TEST(ParallelFor, CallsEachIndexOnce) {
  for (const int threads : {0, 1, 2, 7}) {
    for (const int64_t n : {0, 1, 5, 1000}) {
      std::vector<std::atomic<int>> calls(n);
      parallel_for(n, threads, [&](int64_t i) { ++calls[i]; });
      for (int64_t i = 0; i < n; ++i) ASSERT_EQ(calls[i], 1) << threads << " threads, index " << i;
    }
  }
}

}  // namespace
}  // namespace tutti
