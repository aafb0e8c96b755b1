// Threads for I/O and for progress. Kernels do not use them: they use OpenMP.
//
// submit() may be called from any thread, also from within a task; a task must not wait for another
// task of the same pool, for all threads may be waiting then. The destructor runs what was
// submitted and joins.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace tutti {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // at least 1
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(threads_.size()); }

  // Runs `task()` on a thread of the pool, in order of submission; the future has what it returns.
  // Unlike std::async's, the future does not wait when it is dropped.
  template <typename Task>
  std::future<std::invoke_result_t<std::decay_t<Task>>> submit(Task&& task) {
    std::packaged_task<std::invoke_result_t<std::decay_t<Task>>()> packaged(
        std::forward<Task>(task));
    auto future = packaged.get_future();
    enqueue(Job(std::move(packaged)));
    return future;
  }

 private:
  using Job = std::packaged_task<void()>;  // unlike std::function it holds what only moves

  void enqueue(Job job);
  void work();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Job> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// Calls fn(i) once for each i in [0, n), on at most `threads` threads of which the caller is one,
// and returns when all are done. Which thread takes which i is not fixed.
void parallel_for(int64_t n, int threads, const std::function<void(int64_t)>& fn);

}  // namespace tutti
