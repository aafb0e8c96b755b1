#include "data/worker_loop.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace tutti {

void run_workers(size_t count, int threads, const std::function<void(int, size_t)>& work) {
  std::atomic<size_t> next{0};
  const auto drain = [&](int thread) {
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) work(thread, i);
  };
  const int extra = static_cast<int>(std::min<size_t>(std::max(threads, 1), count)) - 1;
  std::vector<std::thread> pool;
  for (int thread = 1; thread <= extra; ++thread) pool.emplace_back(drain, thread);
  drain(0);
  for (std::thread& thread : pool) thread.join();
}

int default_threads() { return std::max(1u, std::thread::hardware_concurrency()); }

}  // namespace tutti
