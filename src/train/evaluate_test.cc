#include "train/evaluate.h"

#include <cmath>

#include "data/test_corpus.h"
#include "train/evaluate_checkpoint.h"
#include "train/test_run.h"

namespace tutti {
namespace {

class EvaluateCheckpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    fs_ = test_disk();
    Recorder recorder;
    const auto summary =
        train_run(*fs_, test_config({"train.eval_every=6", "train.eval_batches=1000"}), recorder);
    ASSERT_TRUE(summary.ok()) << summary.message();
    loss_ = *summary->validation_loss;
  }

  Result<CheckpointEvaluation> run(const std::string& data, int64_t batches) {
    return evaluate_checkpoint(*fs_, {.path = "/run",
                                      .data = data,
                                      .batches = batches,
                                      .threads = 1,
                                      .stop_requested = nullptr});
  }

  std::unique_ptr<TestFileSystem> fs_;
  double loss_ = 0;
};

TEST_F(EvaluateCheckpoint, GivesTheLossThatTheRunSawToTheBit) {
  const auto evaluation = run("/data/validation", 0);
  ASSERT_TRUE(evaluation.ok()) << evaluation.message();
  EXPECT_EQ(evaluation->result.loss, loss_);
  EXPECT_EQ(evaluation->step, 12);
}

TEST_F(EvaluateCheckpoint, CountsTheSamplesOfALastBatchThatIsNotFull) {
  // 200 tokens are 12 samples of 16; 5 samples are 2 batches of 2 and one of 1.
  write_corpus(*fs_, "/data/odd", 5 * 16 + 1, 4);
  write_corpus(*fs_, "/data/one", 1 * 16 + 1, 4);
  const auto odd = run("/data/odd", 0), one = run("/data/one", 0);
  ASSERT_TRUE(odd.ok()) << odd.message();
  ASSERT_TRUE(one.ok()) << one.message();
  EXPECT_EQ(odd->result.tokens, 5 * 16);
  EXPECT_EQ(odd->result.batches, 3);
  EXPECT_EQ(one->result.tokens, 16);
  EXPECT_TRUE(std::isfinite(one->result.loss));
  // The same sample beside another one weighs the same.
  write_corpus(*fs_, "/data/two", 2 * 16 + 1, 4);
  const auto two = run("/data/two", 0);
  ASSERT_TRUE(two.ok());
  EXPECT_NE(two->result.loss, one->result.loss);
}

TEST_F(EvaluateCheckpoint, ASelectionIsTheSameEachTimeAndAboutTheWhole) {
  write_corpus(*fs_, "/data/long", 200 * 16 + 1, 5);
  const auto whole = run("/data/long", 0), part = run("/data/long", 40),
             again = run("/data/long", 40);
  ASSERT_TRUE(whole.ok() && part.ok() && again.ok());
  EXPECT_EQ(part->result.tokens, 40 * 2 * 16);
  EXPECT_EQ(part->result.loss, again->result.loss);
  EXPECT_NE(part->result.loss, whole->result.loss);
  EXPECT_NEAR(part->result.loss, whole->result.loss, 0.3);
}

// Documents end where the index says, or else by the run's own tokenizer: what the config named at
// training may be gone.
TEST_F(EvaluateCheckpoint, NeedsNoTokenizerFromOutsideOfTheRun) {
  ASSERT_TRUE(fs_->create_directories("/t").ok());
  const std::string tokenizer = tokenizer_json_of("the cat sat on the mat", 260);
  ASSERT_TRUE(write_file_atomic(*fs_, "/t/tokenizer.json", tokenizer).ok());
  Recorder recorder;
  const auto summary =
      train_run(*fs_,
                test_config({"train.steps=4", "run.dir=/own", "model.vocab=300",
                             "tokenizer.path=/t/tokenizer.json", "data.document_mask=true"}),
                recorder);
  ASSERT_TRUE(summary.ok()) << summary.message();
  ASSERT_TRUE(remove_tree(*fs_, "/t").ok());
  std::string packed;
  append_tokens(std::vector<int32_t>(100, 5), TokenType::kUint16, packed);
  ASSERT_TRUE(write_file_atomic(*fs_, "/data/raw.bin", packed).ok());
  const auto loss_of = [&](const std::string& data) {
    return evaluate_checkpoint(
        *fs_,
        {.path = "/own", .data = data, .batches = 0, .threads = 1, .stop_requested = nullptr});
  };
  for (const char* data : {"/data/validation", "/data/raw.bin"}) {
    const auto evaluation = loss_of(data);
    EXPECT_TRUE(evaluation.ok()) << evaluation.message();
  }
  // Without any tokenizer the index still does, and for the rest the error says what was looked
  // for.
  ASSERT_TRUE(fs_->remove("/own/tokenizer.json").ok());
  EXPECT_TRUE(loss_of("/data/validation").ok());
  const auto raw = loss_of("/data/raw.bin");
  ASSERT_FALSE(raw.ok());
  EXPECT_NE(raw.message().find("--data: no tokenizer that says where documents end: "),
            std::string::npos);
  EXPECT_NE(raw.message().find("/own/tokenizer.json or "), std::string::npos) << raw.message();
}

// A mask that leaves nothing to learn: a loss of 0 would be a perfect one.
TEST_F(EvaluateCheckpoint, OfNothingThatIsLearnedIsNoLoss) {
  write_corpus(*fs_, "/data/masked", 5 * 16 + 1, 4);
  const std::string mask = std::string(mask_header()) + std::string(5 * 16 + 1, '\0');
  ASSERT_TRUE(write_file_atomic(*fs_, "/data/masked.mask", mask).ok());
  const auto evaluation = run("/data/masked", 0);
  ASSERT_FALSE(evaluation.ok());
  EXPECT_EQ(
      evaluation.message(),
      "--data: /data/masked: none of the tokens in 3 batches is learned, so there is no loss");
  Recorder recorder;
  const auto summary = train_run(
      *fs_, test_config({"train.eval_every=6", "run.dir=/masked", "data.validation=/data/masked"}),
      recorder);
  ASSERT_TRUE(summary.ok()) << summary.message();
  EXPECT_FALSE(summary->validation_loss.has_value());
  EXPECT_FALSE(recorder.steps.back().record.val_loss.has_value());
}

TEST_F(EvaluateCheckpoint, RefusesTokensBeyondTheModel) {
  write_corpus(*fs_, "/data/wide", 300, 3, 200);
  const auto evaluation = run("/data/wide", 0);
  ASSERT_FALSE(evaluation.ok());
  EXPECT_NE(evaluation.message().find("--data"), std::string::npos) << evaluation.message();
}

}  // namespace
}  // namespace tutti
