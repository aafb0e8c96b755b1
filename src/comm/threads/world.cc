#include "comm/threads/world.h"

#include <algorithm>

#include "comm/threads/communicator.h"
#include "comm/threads/shared_world.h"

namespace tutti {
namespace {

class ThreadWorld : public World {
 public:
  // Shared: the ranks end in any order.
  ThreadWorld(std::shared_ptr<SharedWorld> shared, int rank)
      : shared_(std::move(shared)), rank_(rank) {}
  ~ThreadWorld() override { shared_->leave(rank_); }

  int rank() const override { return rank_; }
  int size() const override { return shared_->size(); }
  std::string_view backend() const override { return "threads"; }

  Result<std::unique_ptr<Communicator>> create_group(const std::vector<int>& ranks,
                                                     const std::string& name) override {
    TUTTI_ASSIGN(Group* const group, shared_->join(rank_, ranks, name));
    const auto place = std::find(ranks.begin(), ranks.end(), rank_) - ranks.begin();
    return std::unique_ptr<Communicator>(
        std::make_unique<ThreadCommunicator>(*shared_, *group, static_cast<int>(place)));
  }

  void abort(const Status& cause) override {
    TUTTI_CHECK(!cause.ok());
    // The message is that of another rank's error already when this rank ends because of it.
    (void)shared_->fail(
        error(ErrorKind::kUnavailable, "rank {} failed: {}", rank_, cause.message()));
  }

  const FlightRecorder& recorder() const override { return shared_->recorder(rank_); }

 private:
  const std::shared_ptr<SharedWorld> shared_;  // see the constructor
  const int rank_;
};

}  // namespace

std::vector<std::unique_ptr<World>> make_thread_worlds(int ranks, const WorldOptions& options,
                                                       Clock& clock) {
  // Shared by the ranks, of which any may be the last.
  const auto shared = std::make_shared<SharedWorld>(ranks, options, clock);
  std::vector<std::unique_ptr<World>> worlds;
  for (int r = 0; r < ranks; ++r) worlds.push_back(std::make_unique<ThreadWorld>(shared, r));
  return worlds;
}

}  // namespace tutti
