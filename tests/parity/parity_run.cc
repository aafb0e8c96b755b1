#include "parity/parity_run.h"

#include <algorithm>
#include <cmath>
#include <thread>

#include "base/clock.h"
#include "comm/threads/world.h"
#include "parity/parity_rank.h"

namespace tutti {
namespace {

// A bias of queries, keys or values goes with the others of its layer: a key's is zero but for
// rounding.
std::string vector_of(const std::string& parameter) {
  for (const char* name : {".q.bias", ".k.bias", ".v.bias"}) {
    const size_t at = parameter.find(name);
    if (at != std::string::npos) return parameter.substr(0, at) + ".qkv.bias";
  }
  return parameter;
}

}  // namespace

Result<ParityResult> run_parity(const ParityModel& model, const ParityLayout& layout, World& world,
                                int steps) {
  TUTTI_ASSIGN(const auto rank, ParityRank::create(model, layout, world));
  ParityResult result;
  for (int step = 0; step < steps; ++step) {
    TUTTI_TRY(rank->run_step(step));
    TUTTI_ASSIGN(ParityStep record, rank->read_step());
    result.steps.push_back(std::move(record));
  }
  const Program& program = rank->executor().program(0);
  result.planned_bytes = program.total_bytes();
  result.allocated_bytes = rank->executor().allocated_bytes();
  const CopiedBytes step = step_copies(program);
  result.planned_copies = {step.in * steps, step.out * steps};
  result.copied = rank->executor().copied();
  result.planned_wire = rank->planned_wire() * steps;
  TUTTI_ASSIGN(result.sent, rank->sent());
  return result;
}

Result<ParityResult> run_parity_on_threads(const ParityModel& model, const ParityLayout& layout,
                                           int steps) {
  const int ranks = layout.plan.mesh.world_size();
  const auto clock = make_system_clock();
  const auto worlds = make_thread_worlds(ranks, {.timeout_s = 60}, *clock);
  std::vector<Result<ParityResult>> results(static_cast<size_t>(ranks), ParityResult());
  std::vector<std::thread> threads;
  for (size_t r = 0; r < worlds.size(); ++r) {
    threads.emplace_back([&, r] {
      results[r] = run_parity(model, layout, *worlds[r], steps);
      if (!results[r].ok()) worlds[r]->abort(results[r].status());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) {
    TUTTI_TRY(result.status());
    if (result->allocated_bytes != result->planned_bytes) {
      return invalid("{} bytes allocated, {} planned", result->allocated_bytes,
                     result->planned_bytes);
    }
    if (result->copied != result->planned_copies) {
      return invalid("{} bytes fetched and {} stored, {} and {} planned", result->copied.in,
                     result->copied.out, result->planned_copies.in, result->planned_copies.out);
    }
  }
  return results[0];
}

ParityDifference compare(const ParityResult& result, const ParityResult& reference) {
  ParityDifference worst;
  for (size_t s = 0; s < reference.steps.size(); ++s) {
    const ParityStep &a = result.steps[s], &b = reference.steps[s];
    const double loss = std::abs(a.loss - b.loss) / std::abs(b.loss);
    worst.loss = std::isnan(loss) ? HUGE_VAL : std::max(worst.loss, loss);
    std::map<std::string, std::pair<double, double>> norms;
    for (const auto& [name, expected] : b.gradients) {
      auto& [difference, norm] = norms[vector_of(name)];
      const std::vector<float>& actual = a.gradients.at(name);
      for (size_t i = 0; i < expected.size(); ++i) {
        difference += std::pow(double{actual[i]} - double{expected[i]}, 2);
        norm += std::pow(double{expected[i]}, 2);
      }
    }
    for (const auto& [name, entry] : norms) {
      double relative = std::sqrt(entry.first / entry.second);
      if (std::isnan(relative)) relative = HUGE_VAL;
      if (relative < worst.gradient) continue;
      worst.gradient = relative;
      worst.where = fmt::format("{} at step {}", name, s + 1);
    }
  }
  return worst;
}

}  // namespace tutti
