// The layouts of the parity test on the ranks of an MPI job: those of its size. Prints what is
// wrong, and at the end how many layouts were compared; the exit status is 1 when anything was.
#include <fmt/format.h>

#include <map>

#include "comm/mpi/mpi_world.h"
#include "parity/layouts.h"
#include "parity/parity_run.h"

namespace tutti {
namespace {

// What is wrong with a layout, a line each; on the first rank.
Result<std::string> check_layout(const ParityModel& model, const ParityLayout& layout,
                                 const ParityResult& reference, World& world) {
  TUTTI_ASSIGN(const ParityResult result, run_parity(model, layout, world, kParitySteps));
  const ParityDifference difference = compare(result, reference);
  std::string wrong;
  const auto say = [&](const std::string& what) {
    wrong += fmt::format("{} {}: {}\n", model.name, layout.name, what);
  };
  if (!(difference.loss <= kParityLoss)) say(fmt::format("loss differs by {}", difference.loss));
  if (!(difference.gradient <= kParityGradient)) {
    say(fmt::format("gradient of {} differs by {}", difference.where, difference.gradient));
  }
  if (result.sent != result.planned_wire) {
    say(fmt::format("{} bytes sent, {} planned", result.sent, result.planned_wire));
  }
  if (result.allocated_bytes != result.planned_bytes) {
    say(fmt::format("{} bytes allocated, {} planned", result.allocated_bytes,
                    result.planned_bytes));
  }
  return wrong;
}

Result<int> check_all(World& world) {
  int compared = 0;
  std::string wrong;
  for (const ParityModel& model : {parity_gpt2(), parity_llama()}) {
    std::map<int64_t, ParityResult> references;  // by layers
    for (const ParityLayout& layout : parity_layouts(model.config)) {
      if (layout.plan.mesh.world_size() != world.size()) continue;
      if (!references.contains(layout.layers)) {
        const ParityLayout one = parity_layout(fmt::format("layers={}", layout.layers));
        TUTTI_ASSIGN(references[layout.layers], run_parity_on_threads(model, one, kParitySteps));
      }
      TUTTI_ASSIGN(const std::string lines,
                   check_layout(model, layout, references[layout.layers], world));
      wrong += lines;
      ++compared;
    }
  }
  if (world.rank() == 0) {
    fmt::print("{}{} layouts of {} ranks compared\n", wrong, compared, world.size());
  }
  return wrong.empty() && compared > 0 ? 0 : 1;
}

}  // namespace
}  // namespace tutti

int main() {
  const auto world = tutti::make_mpi_world({.timeout_s = 60});
  if (!world.ok()) {
    fmt::print(stderr, "{}\n", world.message());
    return 1;
  }
  const auto exit = tutti::check_all(**world);
  if (!exit.ok()) (*world)->abort(exit.status());
  return exit.ok() ? *exit : 1;
}
