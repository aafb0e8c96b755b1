// How a run lies on its ranks: the plan and the schedule that a config's parallel section asks for.
// Pure functions, but for the files that they are given to read.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "ops/op_def.h"
#include "plan/plan.h"
#include "schedule/timeline.h"
#include "train/config.h"

namespace tutti {

struct Layout {
  Plan plan;
  Schedule schedule;  // of the plan's pipeline; passes verify()
  PassTimes times;    // of a mean stage, by arithmetic; its forward pass is 1

  double bubble_rate() const;  // where all stages take equally long
};

// The layout of a checked config. A setting that programs cannot do, or that does not fit the
// model, is an error that names its key.
Result<Layout> layout_of(FileSystem& fs, const Config& config, const OpTable& ops);

// The whole on one rank, `microbatches` times `micro_batch` samples.
Plan one_rank_plan(int64_t micro_batch, int64_t microbatches);

// `config`, which was loaded with these arguments, for `ranks` ranks (0: as many as its axes ask
// for). An error when it has axes for another number.
Result<Config> lay_out(FileSystem& fs, const std::string& path,
                       const std::vector<std::string>& overrides, Config config, int ranks);

// Loads the config at `path` and lays it out.
Result<Config> load_laid_out(FileSystem& fs, const std::string& path,
                             const std::vector<std::string>& overrides, int ranks);

// What to set for `ranks` ranks where the config sets no axis: ZeRO over all of them, which costs
// no more communication than data parallelism and less memory. Nothing for one rank.
std::vector<std::string> default_layout(int ranks);

// Whether the ranks that a run has are those that its config asks for; the error says what to set.
Status check_ranks(const Config& config, int ranks);

}  // namespace tutti
