#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>

#include "base/status.h"

namespace tutti {

ThreadPool::ThreadPool(int threads) {
  TUTTI_CHECK(threads >= 1, "threads = {}", threads);
  threads_.reserve(threads);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::enqueue(Job job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  ready_.notify_one();
}

void ThreadPool::work() {
  for (;;) {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    job();
  }
}

void parallel_for(int64_t n, int threads, const std::function<void(int64_t)>& fn) {
  std::atomic<int64_t> next = 0;
  const auto work = [&] {
    for (int64_t i = next++; i < n; i = next++) fn(i);
  };
  const int64_t others = std::clamp<int64_t>(threads, 1, std::max<int64_t>(n, 1)) - 1;
  std::vector<std::thread> started;
  started.reserve(others);
  for (int64_t i = 0; i < others; ++i) started.emplace_back(work);
  work();
  for (std::thread& thread : started) thread.join();
}

}  // namespace tutti
