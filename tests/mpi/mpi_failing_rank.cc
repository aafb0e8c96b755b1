// A rank of a job that goes wrong: what the launcher, and whoever reads its output, sees then.
//
//   run_mpi.sh RANKS mpi_failing_rank SCENARIO DIRECTORY TIMEOUT_S
//
// Each rank leaves its process id in DIRECTORY/rank.N.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/signal.h"
#include "comm/mpi/mpi_world.h"

namespace tutti {
namespace {

double cpu_seconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Status step(Communicator& group, int64_t count = 1000) {
  std::vector<float> data(1000, 1.0f);
  return group.all_reduce(data.data(), data.data(), count, DType::kF32, Reduce::kSum, "loss");
}

// Until a rank is stopped or killed.
Status go_on(World&, Communicator& group) {
  const auto clock = make_system_clock();
  while (true) {
    TUTTI_TRY(step(group));
    clock->sleep_s(0.01);
  }
}

Status mismatch(World& world, Communicator& group) {
  return step(group, world.rank() == 1 ? 5 : 4);
}

Status give_up(World& world, Communicator& group) {
  TUTTI_TRY(step(group));
  if (world.rank() == 1) return Error{ErrorKind::kIo, "the disk is full"};
  return step(group);
}

Status come_late(World& world, Communicator& group) {
  TUTTI_TRY(step(group));
  if (world.rank() == 1) make_system_clock()->sleep_s(60);
  return step(group);
}

// Rank 1 ends without the call that the others wait in.
Status leave_early(World& world, Communicator& group) {
  TUTTI_TRY(step(group));
  return world.rank() == 1 ? Status() : step(group);
}

// Waiting for two seconds takes little of the processor.
Status sleep_meanwhile(World& world, Communicator& group) {
  TUTTI_TRY(step(group));
  const double before_s = cpu_seconds();
  if (world.rank() == 1) make_system_clock()->sleep_s(2);
  TUTTI_TRY(step(group));
  const double used_s = cpu_seconds() - before_s;
  if (used_s < 0.3) return {};
  return error(ErrorKind::kResource, "waiting took {:.2f} s of the processor", used_s);
}

struct Scenario {
  std::string_view name;
  Status (*run)(World& world, Communicator& group);
};
constexpr Scenario kScenarios[] = {
    {"go_on", go_on},         {"mismatch", mismatch},       {"give_up", give_up},
    {"come_late", come_late}, {"leave_early", leave_early}, {"sleep_meanwhile", sleep_meanwhile},
};

Status run_scenario(World& world, std::string_view name) {
  std::vector<int> ranks(static_cast<size_t>(world.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  TUTTI_ASSIGN(const auto group, world.create_group(ranks, "dp"));
  for (const Scenario& scenario : kScenarios) {
    if (scenario.name == name) return scenario.run(world, *group);
  }
  return invalid("no scenario {}", name);
}

void write_process_id(const std::string& directory, int rank) {
  std::FILE* const file = std::fopen(fmt::format("{}/rank.{}", directory, rank).c_str(), "w");
  TUTTI_CHECK(file != nullptr);
  fmt::print(file, "{}\n", getpid());
  std::fclose(file);
}

int run(std::string_view scenario, const std::string& directory, double timeout_s) {
  const StopSignal stop;  // as in training: the launcher's first signal does not end a rank
  const auto world =
      make_mpi_world({.timeout_s = timeout_s, .check_calls = scenario == "mismatch"});
  if (!world.ok()) {
    fmt::print(stderr, "{}\n", world.message());
    return 1;
  }
  write_process_id(directory, (*world)->rank());
  const Status status = run_scenario(**world, scenario);
  if (!status.ok()) (*world)->abort(status);
  return 0;
}

}  // namespace
}  // namespace tutti

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  return tutti::run(argv[1], argv[2], std::atof(argv[3]));
}
