#include "comm/mpi/mpi_world.h"

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <numeric>

#include "base/digest.h"
#include "base/host_name.h"
#include "base/log.h"
#include "comm/members.h"
#include "comm/mpi/mpi_communicator.h"
#include "comm/mpi/mpi_context.h"
#include "comm/mpi/mpi_library.h"

namespace tutti {
namespace {

// How long a rank that another one ends waits for that, before it ends the job itself.
constexpr double kEndTime_s = 5;

// "process 4711 on host a", by rank.
Result<std::vector<std::string>> gather_processes(MPI_Comm comm, int size) {
  std::array<char, 128> mine = {};
  fmt::format("process {} on host {}", getpid(), host_name()).copy(mine.data(), mine.size() - 1);
  std::vector<std::array<char, 128>> all(static_cast<size_t>(size));
  TUTTI_TRY(mpi_status(
      MPI_Allgather(mine.data(), mine.size(), MPI_CHAR, all.data(), mine.size(), MPI_CHAR, comm),
      "meeting the other ranks"));
  std::vector<std::string> processes;
  for (const auto& one : all) processes.emplace_back(one.data());
  return processes;
}

class MpiWorld : public World {
 public:
  MpiWorld(const WorldOptions& options, int64_t message_bytes_max)
      : context_(options, message_bytes_max) {}
  ~MpiWorld() override;
  Status start();

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string_view backend() const override { return "mpi"; }
  Result<std::unique_ptr<Communicator>> create_group(const std::vector<int>& ranks,
                                                     const std::string& name) override;
  void abort(const Status& cause) override;
  const FlightRecorder& recorder() const override { return context_.recorder; }

 private:
  Result<MPI_Comm> duplicate_world();
  void keep(MPI_Comm comm);
  Status meet(const std::vector<int>& ranks, const std::string& name, int tag);

  MpiContext context_;
  int rank_ = 0;
  int size_ = 0;
  MPI_Comm comm_ = MPI_COMM_NULL;  // of all ranks, for creating groups
  std::unique_ptr<MpiCommunicator> everyone_;
  std::atomic<bool> aborting_ = false;
  std::mutex mutex_;
  std::vector<MPI_Comm> comms_;  // in the order of their creation, for freeing them in it
};

Status MpiWorld::start() {
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);  // its duplicates inherit it
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  TUTTI_ASSIGN(comm_, duplicate_world());
  TUTTI_ASSIGN(const MPI_Comm watched, duplicate_world());
  TUTTI_ASSIGN(const MPI_Comm all, duplicate_world());
  TUTTI_ASSIGN(context_.processes, gather_processes(comm_, size_));
  context_.watch = std::make_unique<MpiWatch>(
      watched, context_.recorder,
      [this](const std::string& cause) { context_.end_by_other(cause); });
  std::vector<int> ranks(static_cast<size_t>(size_));
  std::iota(ranks.begin(), ranks.end(), 0);
  everyone_ = std::make_unique<MpiCommunicator>(context_, all, ranks, "of all ranks");
  return {};
}

MpiWorld::~MpiWorld() {
  if (context_.watch == nullptr) return;  // not started
  if (context_.failure().ok()) {
    const Status end = everyone_->barrier("end");
    if (!end.ok()) abort(end);
  }
  context_.watch.reset();
  const bool healthy = context_.failure().ok();
  set_mpi_healthy(healthy);
  if (!healthy) return;  // there may be calls that others still wait in
  for (MPI_Comm& comm : comms_) MPI_Comm_free(&comm);
}

Result<MPI_Comm> MpiWorld::duplicate_world() {
  MPI_Comm comm = MPI_COMM_NULL;
  TUTTI_TRY(mpi_status(MPI_Comm_dup(MPI_COMM_WORLD, &comm), "meeting the other ranks"));
  keep(comm);
  return comm;
}

void MpiWorld::keep(MPI_Comm comm) {
  const std::lock_guard lock(mutex_);
  comms_.push_back(comm);
}

Result<std::unique_ptr<Communicator>> MpiWorld::create_group(const std::vector<int>& ranks,
                                                             const std::string& name) {
  TUTTI_TRY(context_.failure());
  TUTTI_TRY(check_members(rank_, ranks, size_, name));
  // What tells this call from one for other ranks at the same time; MPI has tags to 32767 at least.
  const std::string text = fmt::format("{} {}", name, fmt::join(ranks, " "));
  const int tag = static_cast<int>(digest_of(text).low % 32768);
  TUTTI_TRY(meet(ranks, name, tag));
  MPI_Group all, group;
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Comm_group(comm_, &all);
  MPI_Group_incl(all, static_cast<int>(ranks.size()), ranks.data(), &group);
  const Status status =
      mpi_status(MPI_Comm_create_group(comm_, group, tag, &comm), "creating a group");
  MPI_Group_free(&group);
  MPI_Group_free(&all);
  if (!status.ok()) return context_.fail(status);
  keep(comm);
  return std::unique_ptr<Communicator>(
      std::make_unique<MpiCommunicator>(context_, comm, ranks, name));
}

// MPI creates a group without a timeout, and without sleeping: so its members meet before, each
// sending a word to the first of them, which answers when it has all.
Status MpiWorld::meet(const std::vector<int>& ranks, const std::string& name, int tag) {
  const Call call = {.kind = CallKind::kBarrier, .name = "create group"};
  const int64_t record = context_.recorder.begin(call, name, 0);
  std::vector<int> others = ranks;
  std::erase(others, rank_);
  const MpiPendingCall pending = {call, name, 0, others, record, context_.clock->monotonic_s()};
  const bool first = ranks.front() == rank_;
  const std::vector<int> peers = first ? others : std::vector<int>{ranks.front()};
  const auto send = [&]() -> Status {
    MpiRequests words;
    for (const int peer : peers) {
      TUTTI_TRY(mpi_status(MPI_Isend(nullptr, 0, MPI_BYTE, peer, tag, comm_, words.add()),
                           "meeting a group"));
    }
    return context_.wait(pending, MpiContext::Pace::kSleep, [&] { return words.done(); });
  };
  const auto receive = [&]() -> Status {
    MpiRequests words;
    for (const int peer : peers) {
      TUTTI_TRY(mpi_status(MPI_Irecv(nullptr, 0, MPI_BYTE, peer, tag, comm_, words.add()),
                           "meeting a group"));
    }
    return context_.wait(pending, MpiContext::Pace::kSleep, [&] { return words.done(); });
  };
  Status status = first ? receive() : send();
  if (status.ok()) status = first ? send() : receive();
  context_.recorder.end(record, status.ok());
  return status.ok() ? status : context_.fail(status);
}

void MpiWorld::abort(const Status& cause) {
  TUTTI_CHECK(!cause.ok());
  const std::string text = fmt::format("rank {} failed: {}", rank_, cause.message());
  // Of several lanes the first; and before other lanes' calls hear of it.
  const bool first = !aborting_.exchange(true) && context_.watch->announce_end(text);
  (void)context_.fail(Error{ErrorKind::kUnavailable, text});
  if (first) {
    log_error("{}", text);
  } else {
    context_.clock->sleep_s(kEndTime_s);
  }
  MPI_Abort(MPI_COMM_WORLD, 1);
  std::_Exit(1);
}

}  // namespace

Result<std::unique_ptr<World>> make_mpi_world(const WorldOptions& options,
                                              int64_t message_bytes_max) {
  TUTTI_TRY(start_mpi());
  auto world = std::make_unique<MpiWorld>(options, message_bytes_max);
  TUTTI_TRY(world->start());
  return std::unique_ptr<World>(std::move(world));
}

}  // namespace tutti
