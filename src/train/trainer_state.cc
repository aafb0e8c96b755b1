#include "train/trainer_state.h"

#include <vector>

namespace tutti {
namespace {

Result<int64_t> count_field(const Json& trainer, const char* name) {
  const Json* found = trainer.find(name);
  const bool good = found != nullptr && found->is_integer() && found->get<int64_t>() >= 0;
  if (!good) return corrupt("the checkpoint's trainer.{} is not a count", name);
  return found->get<int64_t>();
}

Result<std::string> text_field(const Json& trainer, const char* name) {
  const Json* found = trainer.find(name);
  if (found == nullptr || !found->is_string()) {
    return corrupt("the checkpoint's trainer.{} is not a string", name);
  }
  return found->get<std::string>();
}

Result<ZScore> window_field(const Json& trainer, const char* name) {
  const Json* found = trainer.find(name);
  if (found == nullptr || !found->is_array() || found->size() > kZScoreWindow) {
    return corrupt("the checkpoint's trainer.{} is not a list of at most {} numbers", name,
                   kZScoreWindow);
  }
  ZScore window(kZScoreWindow);
  for (const Json& value : *found) {
    if (!value.is_number()) return corrupt("the checkpoint's trainer.{} holds no number", name);
    window.push(value.get<double>());
  }
  return window;
}

}  // namespace

Json trainer_to_json(const TrainerState& state, const RunIdentity& identity) {
  return {{"config", identity.config},
          {"data_fingerprint", identity.data_fingerprint},
          {"arithmetic", identity.arithmetic},
          {"chat", identity.chat},
          {"skipped", state.skipped},
          {"skipped_in_a_row", state.skipped_in_a_row},
          {"loss_window", state.losses.values()},
          {"grad_norm_window", state.grad_norms.values()}};
}

Result<TrainerState> state_from_manifest(const Manifest& manifest) {
  TrainerState state;
  state.step = manifest.step;
  TUTTI_ASSIGN(state.skipped, count_field(manifest.trainer, "skipped"));
  TUTTI_ASSIGN(state.skipped_in_a_row, count_field(manifest.trainer, "skipped_in_a_row"));
  TUTTI_ASSIGN(state.losses, window_field(manifest.trainer, "loss_window"));
  TUTTI_ASSIGN(state.grad_norms, window_field(manifest.trainer, "grad_norm_window"));
  if (state.skipped > state.step || state.skipped_in_a_row > state.skipped) {
    return corrupt("the checkpoint says that of {} steps {} were skipped, {} in a row", state.step,
                   state.skipped, state.skipped_in_a_row);
  }
  return state;
}

Result<RunIdentity> identity_from_manifest(const Manifest& manifest) {
  RunIdentity identity;
  TUTTI_ASSIGN(identity.config, text_field(manifest.trainer, "config"));
  TUTTI_ASSIGN(identity.data_fingerprint, text_field(manifest.trainer, "data_fingerprint"));
  TUTTI_ASSIGN(identity.arithmetic, text_field(manifest.trainer, "arithmetic"));
  identity.chat = is_chat_run(manifest);
  return identity;
}

bool is_chat_run(const Manifest& manifest) {
  const Json* chat = manifest.trainer.find("chat");
  return chat != nullptr && chat->is_boolean() && chat->get<bool>();
}

}  // namespace tutti
