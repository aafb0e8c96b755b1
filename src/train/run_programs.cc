#include "train/run_programs.h"

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "program/cost.h"
#include "train/config_graph.h"

namespace tutti {
namespace {

// The first stage that keeps more than `limit_mib` for backward; null: none, or there is no limit.
const Program* first_over(const CompiledStep& compiled, int64_t limit_mib) {
  for (const Program& program : compiled.stages) {
    if (limit_mib > 0 && program.slot_bytes() > limit_mib * kMiB) return &program;
  }
  return nullptr;
}

// What is sent, received and padded comes on top of what the plan limits: it limits that much less.
void tighten(const CompiledStep& compiled, int64_t limit_mib, Layout& layout) {
  const Pipeline pipeline = layout.plan.pipeline();
  for (const Program& program : compiled.stages) {
    const int64_t over = program.slot_bytes() - limit_mib * kMiB;
    if (over <= 0) continue;
    const double held = held_microbatches(layout.schedule, program.stage) * pipeline.chunks;
    const auto each = static_cast<int64_t>(static_cast<double>(over) / std::max(1.0, held)) + 1;
    for (int chunk = 0; chunk < pipeline.chunks; ++chunk) {
      const auto position = static_cast<size_t>(pipeline.position(program.stage, chunk));
      // Choices are steps: a little less than what is over may be the next.
      layout.plan.stash_bytes[position] -= each + layout.plan.stash_bytes[position] / 100;
    }
  }
}

Status check_limit(const RunPrograms& programs, const ParallelSection& parallel) {
  const int64_t limit_mib = parallel.memory_mib;
  for (const Program& program : programs.train.stages) {
    const int64_t bytes = programs.arena_bytes(program.stage) +
                          programs.host_bytes(program.stage, parallel.offload_to);
    if (limit_mib == 0 || bytes <= limit_mib * kMiB) continue;
    return error(ErrorKind::kResource,
                 "parallel.memory_mib = {}, but a rank{} takes {} bytes ({:.0f} MiB); recompute, "
                 "offload to a file, a smaller train.micro_batch, zero or more ranks take less",
                 limit_mib,
                 programs.train.stages.size() > 1 ? fmt::format(" of stage {}", program.stage) : "",
                 bytes, static_cast<double>(bytes) / kMiB);
  }
  return {};
}

}  // namespace

int64_t RunPrograms::arena_bytes(int stage) const {
  const Program& first = train.stages[static_cast<size_t>(stage)];
  int64_t persistent = first.persistent_bytes;
  int64_t rest = first.total_bytes() - first.persistent_bytes;
  if (evaluate) {
    const Program& second = evaluate->stages[static_cast<size_t>(stage)];
    persistent = std::max(persistent, second.persistent_bytes);
    rest = std::max(rest, second.total_bytes() - second.persistent_bytes);
  }
  return persistent + rest;
}

int64_t RunPrograms::offloaded_bytes(int stage) const {
  const auto own = static_cast<size_t>(stage);
  const int64_t training = train.stages[own].offloaded_bytes();
  return evaluate ? std::max(training, evaluate->stages[own].offloaded_bytes()) : training;
}

int64_t RunPrograms::host_bytes(int stage, OffloadTo to) const {
  return to == OffloadTo::kHost ? offloaded_bytes(stage) : 0;
}

int64_t RunPrograms::largest_arena_bytes() const {
  int64_t largest = 0;
  for (const Program& program : train.stages) {
    largest = std::max(largest, arena_bytes(program.stage));
  }
  return largest;
}

Result<CompiledStep> compile_training(const Config& config, Layout layout, const OpTable& ops,
                                      const KernelNeeds& needs, const PassOptions& passes,
                                      PersistentLayouts* layouts) {
  constexpr int kAttempts = 10;
  const auto clock = make_system_clock();
  std::optional<Error> too_much;  // of the attempt before
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const double start_s = clock->monotonic_s();
    TUTTI_ASSIGN(StepGraph step, build_training(ops, config));
    const double built_s = clock->monotonic_s() - start_s;
    PersistentLayouts shared = layouts == nullptr ? PersistentLayouts() : *layouts;
    auto compiled =
        compile_step(std::move(step), layout.plan, layout.schedule, ops, needs, passes, &shared);
    if (!compiled.ok()) return too_much ? *too_much : compiled.error();
    compiled->build_s = built_s;
    const Program* const over = first_over(*compiled, config.parallel.stash_mib);
    if (over == nullptr) {
      if (layouts != nullptr) *layouts = std::move(shared);
      return compiled;
    }
    too_much = invalid(
        "parallel.stash_mib = {}: a rank of stage {} keeps {} bytes ({:.0f} MiB), of which "
        "messages "
        "and what weight gradients wait for can not be computed again",
        config.parallel.stash_mib, over->stage, over->slot_bytes(),
        static_cast<double>(over->slot_bytes()) / kMiB);
    tighten(*compiled, config.parallel.stash_mib, layout);
  }
  return *too_much;
}

Result<RunPrograms> compile_run(const Config& config, const Layout& layout, const OpTable& ops,
                                const KernelNeeds& needs) {
  RunPrograms programs;
  PersistentLayouts shared;
  TUTTI_ASSIGN(programs.train, compile_training(config, layout, ops, needs, {}, &shared));
  if (config.train.eval_every > 0) {
    TUTTI_ASSIGN(programs.evaluate, compile_evaluation(config, layout.plan, ops, needs, &shared));
  }
  TUTTI_TRY(check_limit(programs, config.parallel));
  return programs;
}

Result<CompiledStep> compile_evaluation(const Config& config, Plan plan, const OpTable& ops,
                                        const KernelNeeds& needs, PersistentLayouts* layouts) {
  TUTTI_ASSIGN(StepGraph step, build_evaluation(ops, config));
  plan.microbatches = 1;
  return compile_step(std::move(step), plan, forward_schedule(1, plan.pipeline()), ops, needs, {},
                      layouts);
}

double roofline_seconds(const OpTable& ops, const Program& program, double matrix_flops_per_s,
                        double memory_bytes_per_s) {
  std::vector<double> of_body;
  for (const Body& body : program.bodies) {
    double seconds = 0;
    for (const Instruction& i : body.instructions) {
      seconds += std::max(instruction_flops(ops, program, i) / matrix_flops_per_s,
                          instruction_bytes(ops, program, i) / memory_bytes_per_s);
    }
    of_body.push_back(seconds);
  }
  double total = 0;
  for (const Action& action : program.actions) {
    if (action.kind == ActionKind::kRun) total += of_body[static_cast<size_t>(action.body)];
  }
  return total;
}

}  // namespace tutti
