#include "train/resume_check.h"

#include <algorithm>

#include "base/log.h"
#include "train/config_check.h"
#include "train/config_keys.h"

namespace tutti {
namespace {

constexpr std::string_view kFixedSections[] = {"model", "optim", "precision"};
constexpr std::string_view kFixedKeys[] = {"data.seed",  "data.packing",  "data.document_mask",
                                           "train.seed", "train.seq_len", "train.global_batch"};

bool is_fixed(const ConfigKey& key) {
  // These are only names: the sizes that they stand for are compared one by one.
  if (key.name == "model.preset" || key.name == "model.init") return false;
  return std::ranges::count(kFixedSections, key.section()) > 0 ||
         std::ranges::count(kFixedKeys, key.name) > 0;
}

// Of the parallel section: where memory is and when things are done, which changes no bit.
constexpr std::string_view kSameBits[] = {"parallel.prefetch",    "parallel.timeout_s",
                                          "parallel.check_calls", "parallel.offload",
                                          "parallel.offload_to",  "parallel.offload_dir"};

// What may change, at the price of the last bits: where sums are made.
bool is_layout(const ConfigKey& key) {
  const bool parallel = key.section() == "parallel" && std::ranges::count(kSameBits, key.name) == 0;
  return parallel || key.name == "train.micro_batch";
}

// What optim.decay_steps is when it is not set.
int64_t natural_decay_steps(Config config) {
  config.optim.decay_steps = 0;
  fill_derived(config);
  return config.optim.decay_steps;
}

// The length of the decay to go on with: the run's own where none is asked for, also when it has
// gone on to another end before.
int64_t kept_decay_steps(const Config& saved, const Config& config) {
  const bool asked = config.optim.decay_steps != natural_decay_steps(config);
  return asked ? config.optim.decay_steps : saved.optim.decay_steps;
}

// Only the end of a warmup-stable-decay schedule looks at train.steps: where the rate has begun to
// fall, another end would have been another curve. It falls from then on, so the last step tells.
Status check_rates(const Config& saved, int64_t step, const Config& config) {
  if (step == 0) return {};
  const double had = learning_rate(saved.lr_schedule(), step - 1);
  const double has = learning_rate(config.lr_schedule(), step - 1);
  if (had == has) return {};
  return invalid(
      "train.steps = {} would have given step {} the learning rate {}, but it had {} (the run was "
      "to end after {} steps, and its rate had begun to fall); resume with train.steps = {}, or "
      "from a checkpoint before step {}",
      config.train.steps, step, has, had, saved.train.steps, saved.train.steps,
      saved.train.steps - saved.optim.decay_steps);
}

}  // namespace

Status check_resume(const Config& saved, int64_t step, Config& config) {
  const int64_t asked = config.optim.decay_steps;
  config.optim.decay_steps = kept_decay_steps(saved, config);
  for (const ConfigKey& key : config_keys()) {
    if (!is_fixed(key) && !is_layout(key)) continue;
    const std::string had = key_value(key, saved), has = key_value(key, config);
    if (had == has) continue;
    if (is_layout(key)) {
      log_info("{} = {}, the run so far had {}: results agree to rounding only", key.name, has,
               had);
      continue;
    }
    return invalid(
        "{} = {}, but the run to resume has {}; set it to that, or start a new run in another "
        "run.dir",
        key.name, has, had);
  }
  if (config.train.steps < step) {
    return invalid("train.steps = {}, but the run to resume has done {} steps", config.train.steps,
                   step);
  }
  TUTTI_TRY(check_rates(saved, step, config));
  if (config.optim.decay_steps != asked) {
    log_info("optim.decay_steps stays {}, as this run began; not {}", config.optim.decay_steps,
             asked);
  }
  return {};
}

}  // namespace tutti
