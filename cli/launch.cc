#include "launch.h"

#include <mutex>
#include <thread>
#include <vector>

#include "comm/mpi/mpi_world.h"
#include "comm/mpi_environment.h"
#include "comm/threads/world.h"
#include "train/ranks.h"

namespace tutti {

Result<Launch> Launch::create(const WorldOptions& options, Clock& clock) {
  Launch launch;
  launch.options_ = options;
  launch.clock_ = &clock;
  if (!started_by_mpi()) return launch;
  TUTTI_ASSIGN(launch.job_, make_mpi_world(options));
  return launch;
}

Result<bool> Launch::all_ready(bool ready) {
  TUTTI_ASSIGN(Ranks ranks, Ranks::create(job_.get(), 1));
  // The first rank that is not ready has the largest number.
  const double own = ready ? 0 : ranks.size() - ranks.rank();
  TUTTI_ASSIGN(const double largest, ranks.max(own));
  if (largest == 0) return true;
  speaker_ = ranks.size() - static_cast<int>(largest);
  return false;
}

Result<int> Launch::run(int ranks, const std::function<Result<int>(const RankSeat&)>& body) {
  if (job_ != nullptr) {
    const Result<int> result = body({job_.get(), mpi_local_ranks().value_or(ranks)});
    if (!result.ok()) job_->abort(result.status());
    return result;
  }
  if (ranks == 1) return body({});
  const auto worlds = make_thread_worlds(ranks, options_, *clock_);
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

}  // namespace tutti
