#include "launch.h"

#include <mutex>
#include <thread>
#include <vector>

#include "comm/threads/world.h"

namespace tutti {
namespace {

Result<int> run_threads(int ranks, const WorldOptions& options, Clock& clock,
                        const std::function<Result<int>(const RankSeat&)>& body) {
  const auto worlds = make_thread_worlds(ranks, options, clock);
  std::mutex mutex;
  Status first_error;
  int leader_exit = 0;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      World& world = *worlds[static_cast<size_t>(rank)];
      const Result<int> result = body({&world, ranks});
      const std::lock_guard lock(mutex);
      if (!result.ok()) {
        if (first_error.ok()) first_error = result.status();
        world.abort(result.status());
      } else if (rank == 0) {
        leader_exit = *result;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  TUTTI_TRY(first_error);
  return leader_exit;
}

}  // namespace

int ranks_of_job() { return 0; }

Result<int> run_ranks(int ranks, const WorldOptions& options, Clock& clock,
                      const std::function<Result<int>(const RankSeat&)>& body) {
  if (ranks == 1) return body({});
  return run_threads(ranks, options, clock, body);
}

}  // namespace tutti
