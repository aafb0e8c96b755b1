// From a config to the compiled programs of a run: the training step and, for
// validation, an evaluation step that shares its parameters. Pure functions; nothing is allocated
// for tensors.
#pragma once

#include <optional>

#include "execute/program_set.h"
#include "ops/op_def.h"
#include "program/report.h"
#include "train/config.h"
#include "train/layout.h"

namespace tutti {

struct RunPrograms {
  CompiledStep train;
  std::optional<CompiledStep> evaluate;

  // The arena that an executor takes for them on a rank of a stage, to the byte.
  int64_t arena_bytes(int stage) const;
  // What lies outside of it.
  int64_t offloaded_bytes(int stage) const;
  // Of that, what takes the host's memory.
  int64_t host_bytes(int stage, OffloadTo to) const;
  // The arena of the stage where it is largest.
  int64_t largest_arena_bytes() const;
};

// Requires a config that check_runnable accepts, and its layout.
Result<RunPrograms> compile_run(const Config& config, const Layout& layout, const OpTable& ops,
                                const KernelNeeds& needs);

// The training step alone. Where the layout limits what is kept for backward, every stage's slots
// are within the limit, or the error says how much it takes.
Result<CompiledStep> compile_training(const Config& config, Layout layout, const OpTable& ops,
                                      const KernelNeeds& needs, const PassOptions& passes,
                                      PersistentLayouts* layouts);

// One microbatch's mean loss. `layouts` is what the programs of a run share; null: this one alone.
Result<CompiledStep> compile_evaluation(const Config& config, Plan plan, const OpTable& ops,
                                        const KernelNeeds& needs, PersistentLayouts* layouts);

// Seconds of a step if every instruction ran at the faster of the two bounds that it meets: what
// the step's time is predicted from. A step cannot be much faster.
double roofline_seconds(const OpTable& ops, const Program& program, double matrix_flops_per_s,
                        double memory_bytes_per_s);

}  // namespace tutti
