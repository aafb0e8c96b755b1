#include "train/trainer_state.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tutti {
namespace {

struct Saved {
  TrainerState state;
  Manifest manifest;
};

// 130 steps: windows that have wrapped around.
Saved saved_after_130_steps() {
  Saved saved;
  saved.state.step = 130;
  saved.state.skipped = 3;
  saved.state.skipped_in_a_row = 1;
  for (int i = 0; i < 130; ++i) {
    saved.state.losses.push(3 + std::sin(i) / 7);
    saved.state.grad_norms.push(std::exp(std::cos(i)));
  }
  saved.manifest.write_token = "abc";
  saved.manifest.step = 130;
  saved.manifest.trainer =
      trainer_to_json(saved.state, {"[model]\n", "0123", "portable kernels", true});
  return saved;
}

TEST(TrainerState, ComesBackFromAManifestsTextWithTheSameBits) {
  const Saved saved = saved_after_130_steps();
  const auto text = print_manifest(saved.manifest);
  ASSERT_TRUE(text.ok()) << text.message();
  const auto manifest = parse_manifest(*text, "manifest.json");
  ASSERT_TRUE(manifest.ok()) << manifest.message();
  const auto state = state_from_manifest(*manifest);
  ASSERT_TRUE(state.ok()) << state.message();
  EXPECT_EQ(state->step, 130);
  EXPECT_EQ(state->skipped, 3);
  EXPECT_EQ(state->skipped_in_a_row, 1);
  EXPECT_EQ(state->losses.values(), saved.state.losses.values());
  EXPECT_EQ(state->grad_norms.values(), saved.state.grad_norms.values());
  EXPECT_EQ(state->losses.score(2.5), saved.state.losses.score(2.5));
  EXPECT_EQ(state->grad_norms.score(2.5), saved.state.grad_norms.score(2.5));
  const auto identity = identity_from_manifest(*manifest);
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(identity->config, "[model]\n");
  EXPECT_EQ(identity->data_fingerprint, "0123");
  EXPECT_EQ(identity->arithmetic, "portable kernels");
  EXPECT_TRUE(identity->chat);
}

TEST(TrainerState, NamesTheFieldThatIsNotWhatItShouldBe) {
  const std::pair<const char*, Json> faults[] = {
      {"skipped", -1},
      {"skipped", 131},
      {"skipped", "3"},
      {"skipped", 1e300},
      {"skipped", 18446744073709551615u},
      {"skipped_in_a_row", nullptr},
      {"loss_window", 7},
      {"loss_window", std::vector<double>(101, 1.0)},
      {"grad_norm_window", Json::array({1.0, "2"})},
  };
  for (const auto& [field, value] : faults) {
    Saved saved = saved_after_130_steps();
    saved.manifest.trainer[field] = value;
    const auto state = state_from_manifest(saved.manifest);
    ASSERT_FALSE(state.ok()) << field;
    EXPECT_EQ(state.error().kind, ErrorKind::kCorrupt);
  }
  for (const char* field : {"config", "data_fingerprint", "arithmetic"}) {
    Saved saved = saved_after_130_steps();
    saved.manifest.trainer.erase(field);
    const auto identity = identity_from_manifest(saved.manifest);
    ASSERT_FALSE(identity.ok()) << field;
    EXPECT_NE(identity.message().find(field), std::string::npos);
  }
}

}  // namespace
}  // namespace tutti
