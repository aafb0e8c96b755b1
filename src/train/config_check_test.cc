#include "train/config_check.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tutti {
namespace {

std::string message_of(const std::vector<std::string>& overrides) {
  const Result<Config> config = parse_config(
      "[model]\npreset = \"llama-tiny\"\n[train]\nseq_len = 64\n", "run.toml", overrides);
  return config.ok() ? "no error" : config.message();
}

struct RefusedOverrides {
  std::vector<std::string> overrides;
  std::string_view message;
};

TEST(ConfigCheck, AcceptsTheConfigThatTheOthersBreak) { EXPECT_EQ(message_of({}), "no error"); }

TEST(ConfigCheck, RefusesModelsThatCannotBeBuilt) {
  const RefusedOverrides kRefusals[] = {
      {{"model.preset="}, "run.toml: model.layers is not set"},
      {{"model.kv_heads=3"}, "model.heads = 4 is not a multiple of model.kv_heads = 3"},
      {{"model.kv_heads=8"}, "model.heads = 4 is not a multiple of model.kv_heads = 8"},
      {{"model.head_dim=15"}, "model.head_dim = 15 is odd"},
      {{"model.preset=gpt2-tiny", "model.kv_heads=2"}, "gpt2 has as many as model.heads = 4"},
      {{"model.preset=gpt2-tiny", "model.embed=96"},
       "model.heads = 4 x model.head_dim = 16 is 64, but model.embed is 96"},
      {{"model.rope_factor=8", "model.rope_low_freq_factor=4"},
       "model.rope_low_freq_factor = 4 is not below"},
  };
  for (const RefusedOverrides& refusal : kRefusals) {
    const std::string message = message_of(refusal.overrides);
    EXPECT_NE(message.find(refusal.message), std::string::npos) << message;
  }
}

TEST(ConfigCheck, NamesTheHeadSizeWhenItDoesNotFollow) {
  const Result<Config> config = parse_config(
      "[model]\nlayers = 1\nembed = 65\nheads = 4\nmlp = 8\nvocab = 9\ncontext = 8\n"
      "[train]\nseq_len = 8\n",
      "run.toml", {});
  ASSERT_FALSE(config.ok());
  EXPECT_NE(config.message().find("model.embed = 65 is not a multiple of model.heads = 4"),
            std::string::npos);
}

TEST(ConfigCheck, GivesTheNumbersOfABatchThatDoesNotDivide) {
  const std::string message = message_of(
      {"train.global_batch=50", "train.micro_batch=4", "parallel.dp=2", "parallel.shard=2"});
  EXPECT_NE(
      message.find("train.global_batch = 50 is not a multiple of 16 = train.micro_batch (4) x "
                   "data ranks (4 = dp 2 x shard 2 x ep 1); set train.global_batch = 48 or "
                   "64"),
      std::string::npos)
      << message;
  EXPECT_NE(message_of({"train.global_batch=3", "train.micro_batch=4"})
                .find("set train.global_batch = 4"),
            std::string::npos);
}

TEST(ConfigCheck, RefusesLayoutsAndSchedulesThatCannotRun) {
  const RefusedOverrides kRefusals[] = {
      {{"train.seq_len=256"}, "train.seq_len = 256 is longer than model.context = 128"},
      {{"optim.warmup_steps=1000"}, "optim.warmup_steps = 1000 is not below train.steps = 1000"},
      {{"optim.min_lr=0.01"}, "optim.min_lr = 0.01 is above optim.lr = 0.0006"},
      {{"optim.schedule=wsd", "optim.warmup_steps=600", "optim.decay_steps=500"},
       "are 1100 steps, but train.steps is 1000"},
      {{"parallel.pp=3"}, "parallel.pp = 3 stages for model.layers = 2"},
      {{"parallel.tp=3"}, "model.heads = 4 is not a multiple of parallel.tp = 3"},
      {{"parallel.cp=3"}, "train.seq_len = 64 is not a multiple of parallel.cp = 3"},
      {{"parallel.ep=2"}, "the model has no experts"},
      {{"parallel.zero=1"}, "parallel.zero = 1 has nothing to shard over"},
      {{"parallel.dp=65536", "parallel.shard=65536", "parallel.ep=65536",
        "train.micro_batch=16384"},
       "more than 1048576 ranks"},
      {{"parallel.dp=65536", "parallel.shard=16", "train.micro_batch=16384"},
       "train.global_batch = 17179869184 is more than"},
      {{"run.dir="}, "run.dir is empty"},
      {{"train.eval_every=10", "data.train=tokens"}, "but data.validation is not set"},
  };
  for (const RefusedOverrides& refusal : kRefusals) {
    const std::string message = message_of(refusal.overrides);
    EXPECT_NE(message.find(refusal.message), std::string::npos) << message;
  }
}

TEST(ConfigCheck, AcceptsHeadsOfLlamaThatAreWiderThanTheStream) {
  EXPECT_EQ(message_of({"model.head_dim=32"}), "no error");
}

}  // namespace
}  // namespace tutti
