#include "train/config.h"

#include "base/nearest.h"
#include "models/presets.h"
#include "train/config_check.h"
#include "train/config_toml.h"

namespace tutti {
namespace {

// Sets the key by the last of its assignments, which is returned; null when there is none.
Result<const Assignment*> apply_last(std::string_view key, std::span<const Assignment> assignments,
                                     Config& config) {
  const Assignment* last = nullptr;
  for (const Assignment& assignment : assignments) {
    if (assignment.key->name != key) continue;
    TUTTI_TRY(assign(assignment, config));
    last = &assignment;
  }
  return last;
}

// The preset gives the sizes that other keys then override, so it is applied before all of them.
Status apply_preset(std::span<const Assignment> assignments, Config& config) {
  TUTTI_ASSIGN(const Assignment* chosen, apply_last("model.preset", assignments, config));
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

Status check_repeats(const Assignment& assignment, const Config& loaded) {
  const ConfigKey& key = *assignment.key;
  if (key.section() != "model" || key.name == "model.preset" || key.name == "model.init" ||
      key.name == "model.dropout" || key.name == "model.attention_dropout") {
    return Status();
  }
  Config config = loaded;
  TUTTI_TRY(assign(assignment, config));
  const std::string asked = key_value(key, config), has = key_value(key, loaded);
  if (asked == has) return Status();
  return invalid("{}: {} = {}, but model.init = \"{}\" has {}; leave it out", assignment.origin,
                 key.name, asked, loaded.init, has);
}

// A model that is loaded is what it is: nothing of it can be overridden.
Status apply_init(std::span<const Assignment> assignments, const InitialModel& initial,
                  Config& config) {
  TUTTI_ASSIGN(const Assignment* chosen, apply_last("model.init", assignments, config));
  if (chosen == nullptr || config.init.empty() || !initial) return Status();
  if (!config.preset.empty()) {
    return invalid("{}: model.init and model.preset are both set; the model is that of one of them",
                   chosen->origin);
  }
  const Result<ModelConfig> model = initial(config.init);
  if (!model.ok()) {
    return Error{model.error().kind,
                 fmt::format("{}: model.init: {}", chosen->origin, model.message())};
  }
  config.model = model.value();
  for (const Assignment& assignment : assignments) TUTTI_TRY(check_repeats(assignment, config));
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
                            std::span<const std::string> overrides, const InitialModel& initial) {
  TUTTI_ASSIGN(std::vector<Assignment> assignments, read_toml(text, source));
  for (const std::string& override_text : overrides) {
    TUTTI_ASSIGN(Assignment assignment, read_override(override_text));
    assignments.push_back(std::move(assignment));
  }
  Config config;
  TUTTI_TRY(apply_preset(assignments, config));
  TUTTI_TRY(apply_init(assignments, initial, config));
  for (const Assignment& assignment : assignments) TUTTI_TRY(assign(assignment, config));
  fill_derived(config);
  if (const Status status = check_config(config); !status.ok()) {
    return invalid("{}: {}", source, status.message());
  }
  return config;
}

}  // namespace tutti
