#include "train/resume_check.h"

#include "train/test_run.h"

namespace tutti {
namespace {

TEST(ResumeCheck, RefusesEachKeyThatChangesTheResultByItsName) {
  const Config saved = test_config();
  const std::pair<const char*, const char*> changes[] = {
      {"model.layers=3", "model.layers"},
      {"model.dropout=0", "model.dropout"},
      {"model.attention_dropout=0.5", "model.attention_dropout"},
      {"data.seed=4", "data.seed"},
      {"train.seed=4", "data.seed"},  // which follows from it
      {"train.global_batch=8", "train.global_batch"},
      {"train.seq_len=8", "train.seq_len"},
      {"optim.lr=2e-2", "optim.lr"},
      {"optim.weight_decay=0", "optim.weight_decay"},
      {"optim.warmup_steps=2", "optim.warmup_steps"},
      {"optim.decay_steps=5", "optim.decay_steps"},
  };
  for (const auto& [change, key] : changes) {
    Config config = test_config({change});
    const Status status = check_resume(saved, 5, config);
    ASSERT_FALSE(status.ok()) << change;
    EXPECT_EQ(status.message().rfind(std::string(key) + " = ", 0), 0u) << status.message();
  }
}

TEST(ResumeCheck, AllowsWhatTheLossesDoNotDependOn) {
  const Config saved = test_config();
  for (const char* change : {"log.every=7", "checkpoint.every=3", "run.dir=/elsewhere",
                             "train.eval_every=2", "train.threads=2", "data.train=/moved/train"}) {
    Config config = test_config({change});
    const Status status = check_resume(saved, 5, config);
    EXPECT_TRUE(status.ok()) << change << ": " << status.message();
  }
}

TEST(ResumeCheck, MoreStepsKeepTheRatesOfTheRun) {
  const Config saved = test_config();
  Config config = test_config({"train.steps=30"});
  ASSERT_NE(config.optim.decay_steps, saved.optim.decay_steps);
  ASSERT_TRUE(check_resume(saved, 12, config).ok());
  EXPECT_EQ(config.train.steps, 30);
  for (int64_t step = 0; step < 12; ++step) {
    EXPECT_EQ(learning_rate(config.lr_schedule(), step), learning_rate(saved.lr_schedule(), step));
  }
  // And once more: what was saved since has more steps and the decay of the first.
  for (const char* steps : {"train.steps=30", "train.steps=40"}) {
    Config again = test_config({steps});
    const Status status = check_resume(config, 14, again);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(again.optim.decay_steps, saved.optim.decay_steps);
  }
  Config fewer = test_config({"train.steps=8"});
  EXPECT_TRUE(check_resume(saved, 8, fewer).ok());
  EXPECT_FALSE(check_resume(saved, 9, fewer).ok());
}

TEST(ResumeCheck, AStableScheduleIsExtendedOnlyBeforeItsDecay) {
  const std::string wsd = "optim.schedule=wsd", decay = "optim.decay_steps=4";
  const Config saved = test_config({wsd, decay});
  Config config = test_config({wsd, decay, "train.steps=30"});
  EXPECT_TRUE(check_resume(saved, 8, config).ok());
  const Status late = check_resume(saved, 11, config);
  ASSERT_FALSE(late.ok());
  EXPECT_NE(late.message().find("before step"), std::string::npos) << late.message();
}

}  // namespace
}  // namespace tutti
