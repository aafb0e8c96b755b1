// Times collective calls of a backend. Each repetition prints one line of JSON as it ends, with the
// seconds of the slowest rank, so that runs of two backends can be paired line by line.
//
//   comm_bench --backend threads --ranks 2 --bytes 64MB --repeat 20
//   mpirun -n 2 comm_bench --backend mpi --bytes 64MB --repeat 20
//
// `bytes` is what a rank holds in whole: all of an all_reduce, what an all_gather gives and what a
// reduce_scatter takes.
#include <iostream>
#include <numeric>
#include <thread>

#include "base/clock.h"
#include "base/json.h"
#include "comm/mpi/mpi_world.h"
#include "comm/threads/world.h"
#include "command_line.h"
#include "tensor/arena.h"

namespace tutti {
namespace {

struct Flags {
  std::string backend = "threads";
  std::string call = "all";
  int ranks = 2;
  uint64_t bytes = 64'000'000;
  int repeat = 10;
  bool in_place = false;
  std::string dtype = "f32";
};

class CommBench {
 public:
  static Result<std::unique_ptr<CommBench>> create(const Flags& flags, World& world);
  Status run();

 private:
  CommBench(const Flags& flags, World& world, std::unique_ptr<Communicator> group)
      : flags_(flags), world_(world), group_(std::move(group)), clock_(make_system_clock()) {}
  Status call(CallKind kind);
  Status time(CallKind kind, int repetition);

  const Flags flags_;
  World& world_;
  std::unique_ptr<Communicator> group_;
  std::unique_ptr<Clock> clock_;
  DType dtype_ = DType::kF32;
  int64_t part_ = 0;  // elements of a rank; there are as many parts as ranks
  Arena in_, out_;
};

Result<std::unique_ptr<CommBench>> CommBench::create(const Flags& flags, World& world) {
  std::vector<int> ranks(static_cast<size_t>(world.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  TUTTI_ASSIGN(auto group, world.create_group(ranks, "all"));
  std::unique_ptr<CommBench> bench(new CommBench(flags, world, std::move(group)));
  const auto dtype = parse_dtype(flags.dtype);
  if (!dtype) return invalid("no dtype '{}'", flags.dtype);
  bench->dtype_ = *dtype;
  bench->part_ = static_cast<int64_t>(flags.bytes / dtype_bytes(*dtype)) / world.size();
  TUTTI_ASSIGN(bench->in_, Arena::create(flags.bytes));
  TUTTI_ASSIGN(bench->out_, Arena::create(flags.bytes));
  bench->in_.first_touch(1);
  bench->out_.first_touch(1);
  return bench;
}

Status CommBench::call(CallKind kind) {
  char* const mine =
      out_.data() + group_->rank() * part_ * static_cast<int64_t>(dtype_bytes(dtype_));
  const void* const whole = flags_.in_place ? out_.data() : in_.data();
  const int64_t count = part_ * group_->size();
  switch (kind) {
    case CallKind::kAllReduce:
      return group_->all_reduce(whole, out_.data(), count, dtype_, Reduce::kSum, "x");
    case CallKind::kReduceScatter:
      return group_->reduce_scatter(whole, mine, part_, dtype_, Reduce::kSum, "x");
    default:
      return group_->all_gather(flags_.in_place ? mine : in_.data(), out_.data(), part_, dtype_,
                                "x");
  }
}

Status CommBench::time(CallKind kind, int repetition) {
  TUTTI_TRY(group_->barrier("start"));
  const double begin_s = clock_->monotonic_s();
  TUTTI_TRY(call(kind));
  double seconds = clock_->monotonic_s() - begin_s;
  TUTTI_TRY(group_->all_reduce(&seconds, &seconds, 1, DType::kF64, Reduce::kMax, "seconds"));
  if (world_.rank() != 0 || repetition < 0) return {};
  const Json line = {{"backend", std::string(world_.backend())},
                     {"call", std::string(call_name(kind))},
                     {"ranks", world_.size()},
                     {"bytes", flags_.bytes},
                     {"dtype", flags_.dtype},
                     {"in_place", flags_.in_place},
                     {"repetition", repetition},
                     {"seconds", seconds}};
  std::cout << line.dump() << std::endl;
  return {};
}

Status CommBench::run() {
  for (int i = -1; i < flags_.repeat; ++i) {  // the first is not printed
    for (const CallKind kind :
         {CallKind::kAllReduce, CallKind::kAllGather, CallKind::kReduceScatter}) {
      if (flags_.call == "all" || flags_.call == call_name(kind)) TUTTI_TRY(time(kind, i));
    }
  }
  return {};
}

Status run_rank(const Flags& flags, World& world) {
  Status status;
  if (auto bench = CommBench::create(flags, world); bench.ok()) {
    status = (*bench)->run();
  } else {
    status = bench.status();
  }
  if (!status.ok()) world.abort(status);
  return status;
}

Status run_threads(const Flags& flags) {
  const auto clock = make_system_clock();
  const auto worlds = make_thread_worlds(flags.ranks, {}, *clock);
  std::vector<Status> statuses(worlds.size());
  std::vector<std::thread> threads;
  for (size_t r = 0; r < worlds.size(); ++r) {
    threads.emplace_back([&, r] { statuses[r] = run_rank(flags, *worlds[r]); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Status& status : statuses) TUTTI_TRY(status);
  return {};
}

Status run_mpi(const Flags& flags) {
  TUTTI_ASSIGN(const auto world, make_mpi_world({}));
  return run_rank(flags, *world);
}

}  // namespace
}  // namespace tutti

int main(int argc, char** argv) {
  tutti::Flags flags;
  tutti::CommandLine app("Time collective calls.", "comm_bench");
  app.add_option("--backend", flags.backend, "What moves the data")
      ->one_of({"threads", "mpi"})
      ->capture_default_str();
  app.add_option("--ranks", flags.ranks, "Of threads; mpirun says how many of MPI")
      ->range(1, 1024)
      ->capture_default_str();
  app.add_option("--call", flags.call)
      ->one_of({"all", "all_reduce", "all_gather", "reduce_scatter"})
      ->capture_default_str();
  app.add_option("--bytes", flags.bytes, "Of a rank, in whole")->as_size()->capture_default_str();
  app.add_option("--repeat", flags.repeat)->range(1, 1000000)->capture_default_str();
  app.add_option("--dtype", flags.dtype)->capture_default_str();
  app.add_flag("--in-place", flags.in_place, "Let a call's input be (part of) its output");
  if (const auto status = app.parse(argc, argv)) return *status;
  const tutti::Status status =
      flags.backend == "mpi" ? tutti::run_mpi(flags) : tutti::run_threads(flags);
  if (status.ok()) return 0;
  std::cerr << "comm_bench: error: " << status.message() << "\n";
  return 1;
}
