// The conformance checks of every backend, by ranks of MPI. Prints what a rank found wrong; ends
// with 0 when that is nothing.
//
//   run_mpi.sh RANKS mpi_conformance MESSAGE_BYTES_MAX CHECK_CALLS(0 or 1)
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "comm/mpi/mpi_world.h"
#include "comm/test_conformance.h"

namespace tutti {
namespace {

constexpr uint64_t kSeed = 20260;

int report(std::string_view check, int rank, const Failures& failures) {
  for (const std::string& failure : failures) {
    fmt::print(stderr, "rank {}: {}: {} (seed {})\n", rank, check, failure, kSeed);
  }
  return failures.empty() ? 0 : 1;
}

// Each breaks its world.
int run_failing_checks(int64_t message_bytes_max) {
  int failed = 0;
  for (const ConformanceCheck& check : failing_checks()) {
    if (!check.options.check_calls) continue;  // those that end the job have tests of their own
    const auto world = make_mpi_world(check.options, message_bytes_max);
    if (!world.ok()) return report(check.name, -1, {world.message()});
    Failures failures;
    check.run(**world, kSeed, failures);
    failed += report(check.name, (*world)->rank(), failures);
  }
  return failed;
}

int run(int64_t message_bytes_max, bool check_calls) {
  int failed = run_failing_checks(message_bytes_max);
  const auto world =
      make_mpi_world({.timeout_s = 60, .check_calls = check_calls}, message_bytes_max);
  if (!world.ok()) return report("start", -1, {world.message()});
  failed += report("conformance", (*world)->rank(), run_conformance(**world, kSeed));
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace tutti

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return tutti::run(std::atoll(argv[1]), std::atoi(argv[2]) != 0);
}
