#include "train/config.h"

#include "base/nearest.h"
#include "models/presets.h"
#include "train/config_check.h"
#include "train/config_toml.h"

namespace tutti {
namespace {

constexpr uint64_t kConfigBytesMax = 1 << 20;

// The preset gives the sizes that other keys then override, so it is applied before all of them.
Status apply_preset(std::span<const Assignment> assignments, Config& config) {
  const Assignment* chosen = nullptr;
  for (const Assignment& assignment : assignments) {
    if (assignment.key->name != "model.preset") continue;
    TUTTI_TRY(assign(assignment, config));
    chosen = &assignment;
  }
  if (chosen == nullptr || config.preset.empty()) return Status();
  const ModelPreset* preset = find_model_preset(config.preset);
  if (preset == nullptr) {
    std::vector<std::string> names;
    for (const ModelPreset& known : model_presets()) names.emplace_back(known.name);
    return invalid("{}: model.preset: unknown preset \"{}\"{}; the presets are {}", chosen->origin,
                   config.preset, did_you_mean(config.preset, names), fmt::join(names, ", "));
  }
  config.model = preset->config;
  return Status();
}

}  // namespace

std::vector<MixtureEntry> DataSection::sets() const {
  if (!mixture.empty() || train.empty()) return mixture;
  return {{train, 1}};
}

LrSchedule Config::lr_schedule() const {
  return {.shape = optim.schedule,
          .lr = optim.lr,
          .min_lr = optim.min_lr,
          .warmup_steps = optim.warmup_steps,
          .decay_steps = optim.decay_steps,
          .total_steps = train.steps};
}

Result<Config> parse_config(std::string_view text, const std::string& source,
                            std::span<const std::string> overrides) {
  TUTTI_ASSIGN(std::vector<Assignment> assignments, read_toml(text, source));
  for (const std::string& override_text : overrides) {
    TUTTI_ASSIGN(Assignment assignment, read_override(override_text));
    assignments.push_back(std::move(assignment));
  }
  Config config;
  TUTTI_TRY(apply_preset(assignments, config));
  for (const Assignment& assignment : assignments) TUTTI_TRY(assign(assignment, config));
  fill_derived(config);
  if (const Status status = check_config(config); !status.ok()) {
    return invalid("{}: {}", source, status.message());
  }
  return config;
}

Result<Config> load_config(FileSystem& fs, const std::string& path,
                           std::span<const std::string> overrides) {
  TUTTI_ASSIGN(const std::string text, read_file(fs, path, kConfigBytesMax));
  return parse_config(text, path, overrides);
}

}  // namespace tutti
