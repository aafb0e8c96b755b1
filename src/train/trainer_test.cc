#include "train/trainer.h"

#include <cmath>
#include <limits>

#include "checkpoint/run_directory.h"
#include "data/test_corpus.h"
#include "train/run_start.h"
#include "train/test_run.h"

namespace tutti {
namespace {

double mean_loss(const std::vector<StepReport>& steps, size_t begin, size_t count) {
  double sum = 0;
  for (size_t i = begin; i < begin + count; ++i) sum += steps[i].record.loss;
  return sum / static_cast<double>(count);
}

TEST(Trainer, LossFallsFromThatOfEvenOddsBelowThatOfSingleTokens) {
  const auto fs = test_disk();
  Recorder recorder;
  const auto summary = train_run(
      *fs, test_config({"train.steps=150", "model.dropout=0", "train.eval_every=50"}), recorder);
  ASSERT_TRUE(summary.ok()) << summary.message();
  EXPECT_NEAR(recorder.steps[0].record.loss, std::log(61.0), 0.1);
  EXPECT_LT(mean_loss(recorder.steps, 140, 10), 2.5);
  // Held-out text of the same kind: what was learnt is the rule, not the samples.
  ASSERT_TRUE(summary->validation_loss.has_value());
  EXPECT_LT(*summary->validation_loss, std::log(61.0) - 1);
  EXPECT_EQ(summary->step, 150);
  EXPECT_FALSE(summary->stopped);
}

TEST(Trainer, AllocatesWhatWasPlannedToTheByte) {
  const auto fs = test_disk();
  for (const char* validation : {"train.eval_every=0", "train.eval_every=1"}) {
    const auto clock = make_system_clock();
    const std::string dir = std::string("run.dir=/") + validation;
    const auto trainer =
        Trainer::create(*fs, *clock, test_config({"train.steps=4", validation, dir}), {});
    ASSERT_TRUE(trainer.ok()) << trainer.message();
    Recorder recorder;
    const auto summary = (*trainer)->run(recorder);
    ASSERT_TRUE(summary.ok()) << summary.message();
    const RunPlan& plan = (*trainer)->plan();
    EXPECT_EQ(summary->allocated_bytes, plan.arena_bytes);
    EXPECT_GE(plan.arena_bytes, plan.memory.total());
    EXPECT_EQ(plan.memory.optimizer, 2 * plan.memory.parameters);
  }
}

TEST(Trainer, AMixtureTrainsAndResumesBitForBit) {
  const auto fs = test_disk();
  write_corpus(*fs, "/data/other", 13 * 16 + 1, 7);
  const std::vector<std::string> mixed = {"data.train=",
                                          "data.mixture=[{path = \"/data/train\", weight = 0.7}, "
                                          "{path = \"/data/other\", weight = 0.3}]"};
  Recorder whole, first, rest;
  ASSERT_TRUE(train_run(*fs, test_config(mixed), whole).ok());
  std::vector<std::string> again = mixed;
  again.push_back("run.dir=/again");
  TrainOptions stop;
  stop.stop_requested = [&] { return first.steps.size() >= 5; };
  ASSERT_TRUE(train_run(*fs, test_config(again), first, stop).ok());
  ASSERT_EQ(first.steps.size(), 5u);
  const auto summary = train_run(*fs, test_config(again), rest, {.resume = true});
  ASSERT_TRUE(summary.ok()) << summary.message();
  ASSERT_EQ(rest.steps.size(), 7u);
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(rest.steps[i].record.loss, whole.steps[i + 5].record.loss) << i;
  }
  again[1] =
      "data.mixture=[{path = \"/data/train\", weight = 0.6}, {path = \"/data/other\", weight = "
      "0.4}]";
  again.push_back("train.steps=14");
  const auto other = train_run(*fs, test_config(again), rest, {.resume = true});
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.message().find("data.mixture"), std::string::npos) << other.message();
}

// What the mask leaves out makes no difference to the loss: there are other tokens in its place.
TEST(Trainer, LearnsOnlyWhatTheMaskLeaves) {
  const auto write_examples = [](FileSystem& fs, const std::string& prefix, int32_t answer) {
    auto writer = std::move(
        *IndexedDatasetWriter::create(fs, prefix, {.type = TokenType::kUint16, .mask = true}));
    for (int32_t i = 0; i < 30; ++i) {
      std::string packed;
      append_tokens(std::vector<int32_t>{i, i + 1, i + 2, answer, 60}, TokenType::kUint16, packed);
      ASSERT_TRUE(writer->append_packed(packed, std::string("\0\0\0\1\1", 5)).ok());
      ASSERT_TRUE(writer->end_document().ok());
    }
    ASSERT_TRUE(writer->finish().ok());
  };
  const auto fs = test_disk();
  write_examples(*fs, "/data/chats", 50);
  for (const char* packing : {"data.packing=padded", "data.packing=documents"}) {
    Recorder recorder;
    const auto summary =
        train_run(*fs,
                  test_config({"data.train=/data/chats", packing, "train.steps=60",
                               "model.dropout=0", std::string("run.dir=/") + packing}),
                  recorder);
    ASSERT_TRUE(summary.ok()) << summary.message();
    EXPECT_NEAR(recorder.steps[0].record.loss, std::log(61.0), 0.3);
    // The answer and the end are always the same; the prompts would cost more than this by far.
    EXPECT_LT(recorder.steps.back().record.loss, 0.5) << packing;
    const auto saved = open_saved_model(*fs, std::string("/") + packing);
    ASSERT_TRUE(saved.ok()) << saved.message();
    EXPECT_TRUE(saved->chat);
  }
}

TEST(Trainer, TwoRunsGiveTheSameBits) {
  const auto first = test_disk(), second = test_disk();
  Recorder a, b;
  ASSERT_TRUE(train_run(*first, test_config(), a).ok());
  ASSERT_TRUE(train_run(*second, test_config(), b).ok());
  ASSERT_EQ(a.steps.size(), 12u);
  for (size_t i = 0; i < a.steps.size(); ++i) {
    EXPECT_EQ(a.steps[i].record.loss, b.steps[i].record.loss);
    EXPECT_EQ(a.steps[i].record.grad_norm, b.steps[i].record.grad_norm);
  }
  EXPECT_EQ(tensor_digests(*first, "/run"), tensor_digests(*second, "/run"));
  Recorder c;
  ASSERT_TRUE(train_run(*first, test_config({"train.seed=5", "run.dir=/other"}), c).ok());
  EXPECT_NE(a.steps[0].record.loss, c.steps[0].record.loss);
}

TEST(Trainer, ResumedFromAnyStepGoesOnBitForBit) {
  const auto fs = test_disk();
  Recorder whole;
  ASSERT_TRUE(train_run(*fs, test_config({"run.dir=/whole"}), whole).ok());
  for (int64_t stop_at = 1; stop_at < 12; ++stop_at) {
    const Config config = test_config({"run.dir=/cut" + std::to_string(stop_at)});
    Recorder parts;
    const TrainOptions stop = {
        .stop_requested = [&] { return static_cast<int64_t>(parts.steps.size()) >= stop_at; }};
    const auto stopped = train_run(*fs, config, parts, stop);
    ASSERT_TRUE(stopped.ok()) << stopped.message();
    EXPECT_TRUE(stopped->stopped);
    EXPECT_EQ(stopped->step, stop_at);
    const auto resumed = train_run(*fs, config, parts, {.resume = true});
    ASSERT_TRUE(resumed.ok()) << resumed.message();
    ASSERT_EQ(parts.steps.size(), whole.steps.size());
    for (size_t i = 0; i < whole.steps.size(); ++i) {
      EXPECT_EQ(parts.steps[i].record.step, static_cast<int64_t>(i) + 1);
      EXPECT_EQ(parts.steps[i].record.loss, whole.steps[i].record.loss) << i;
      EXPECT_EQ(parts.steps[i].record.grad_norm, whole.steps[i].record.grad_norm) << i;
      EXPECT_EQ(parts.steps[i].epoch, whole.steps[i].epoch) << i;
    }
    EXPECT_EQ(tensor_digests(*fs, config.run.dir), tensor_digests(*fs, "/whole"));
  }
}

TEST(Trainer, LogHasEachStepOnceHoweverOftenTheRunWasCut) {
  const auto fs = test_disk();
  const Config config =
      test_config({"train.eval_every=5", "checkpoint.every=4", "checkpoint.async=false"});
  Recorder recorder;
  // Dies between checkpoints: the steps after the last one are run, and logged, again.
  recorder.after_step = [&](const StepReport& report) {
    if (report.record.step == 7) fs->lose_power_at(fs->operations());
  };
  ASSERT_FALSE(train_run(*fs, config, recorder).ok());
  fs->restart();
  recorder.after_step = nullptr;
  const auto resumed = train_run(*fs, config, recorder, {.resume = true});
  ASSERT_TRUE(resumed.ok()) << resumed.message();
  ASSERT_EQ(recorder.steps.size(), 7u + 8u);
  const auto text = read_file(*fs, "/run/log.jsonl");
  ASSERT_TRUE(text.ok());
  std::vector<StepRecord> records;
  for (size_t at = 0; at < text->size();) {
    const size_t end = text->find('\n', at);
    const auto record = parse_step_record(std::string_view(*text).substr(at, end - at));
    ASSERT_TRUE(record.ok());
    records.push_back(*record);
    at = end + 1;
  }
  ASSERT_EQ(records.size(), 12u);
  for (size_t i = 0; i < records.size(); ++i) {
    const auto step = static_cast<int64_t>(i) + 1;
    EXPECT_EQ(records[i].step, step);
    EXPECT_EQ(records[i].tokens, step * 64);
    EXPECT_GT(records[i].tokens_per_s, 0);
    EXPECT_GT(records[i].memory_bytes.value_or(0), 0);
    EXPECT_GT(records[i].wall_s.value_or(0), 1e9);
    EXPECT_EQ(records[i].val_loss.has_value(), step == 5 || step == 10 || step == 12) << step;
  }
}

TEST(Trainer, ADirectoryThatHoldsARunIsLeftAsItIs) {
  const auto fs = test_disk();
  Recorder recorder;
  ASSERT_TRUE(train_run(*fs, test_config({"train.steps=4"}), recorder).ok());
  const auto log = read_file(*fs, "/run/log.jsonl");
  const auto digests = tensor_digests(*fs, "/run");
  const auto again = train_run(*fs, test_config({"train.seed=9"}), recorder);
  ASSERT_FALSE(again.ok());
  EXPECT_NE(again.message().find("--resume"), std::string::npos) << again.message();
  EXPECT_EQ(*read_file(*fs, "/run/log.jsonl"), *log);
  EXPECT_EQ(tensor_digests(*fs, "/run"), digests);
  const auto nothing = train_run(*fs, test_config({"run.dir=/empty"}), recorder, {.resume = true});
  ASSERT_FALSE(nothing.ok());
  EXPECT_FALSE(exists(*fs, "/empty"));
}

TEST(Trainer, RunDirectoryHoldsAllThatACheckpointNeeds) {
  const auto fs = test_disk();
  const std::string tokenizer = tokenizer_json_of("the cat sat on the mat", 260);
  ASSERT_TRUE(write_file_atomic(*fs, "/data/tokenizer.json", tokenizer).ok());
  Recorder recorder;
  const Config config = test_config({"train.steps=4", "model.vocab=261"});
  ASSERT_TRUE(train_run(*fs, config, recorder).ok());
  EXPECT_EQ(*read_file(*fs, "/run/tokenizer.json"), tokenizer);
  EXPECT_EQ(*read_file(*fs, "/run/config.toml"), format_config(config));
  const auto checkpoint = load_checkpoint(*fs, "/run");
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_EQ(checkpoint->manifest().trainer["config"], format_config(config));
  // The padding of the vocabulary stays inside.
  EXPECT_EQ(checkpoint->find("embed.weight")->sizes, (Sizes{261, 16}));
  EXPECT_EQ(checkpoint->find("embed.weight.v")->sizes, (Sizes{261, 16}));
}

// Copies the newest checkpoint of /run into a new run, with one parameter that is not a number.
void poison(FileSystem& fs, const std::string& run_dir) {
  auto checkpoint = load_checkpoint(fs, "/run");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
  const Manifest& manifest = checkpoint->manifest();
  std::vector<std::string> bytes;
  for (const LogicalTensor& tensor : manifest.tensors) {
    bytes.emplace_back(static_cast<size_t>(tensor_bytes(tensor)), '\0');
    ASSERT_TRUE(checkpoint->read(tensor.name, bytes.back()).ok());
    if (tensor.name != "final_norm.weight") continue;
    const float nan = std::numeric_limits<float>::quiet_NaN();
    bytes.back().replace(0, sizeof nan, reinterpret_cast<const char*>(&nan), sizeof nan);
  }
  Snapshot snapshot;
  snapshot.state.step = manifest.step;
  snapshot.state.data_position = manifest.data_position;
  snapshot.state.trainer = manifest.trainer;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const LogicalTensor& tensor = manifest.tensors[i];
    snapshot.tensors.push_back({tensor.name, tensor.dtype, tensor.sizes, {}, bytes[i]});
  }
  ASSERT_TRUE(fs.create_directories(run_dir).ok());
  ASSERT_TRUE(save_checkpoint(fs, run_dir, snapshot).ok());
}

TEST(Trainer, AGradientThatIsNotFiniteSkipsTheStepAndTenInARowEndTheRun) {
  const auto fs = test_disk();
  Recorder recorder;
  ASSERT_TRUE(train_run(*fs, test_config({"train.steps=4"}), recorder).ok());
  poison(*fs, "/short");
  poison(*fs, "/long");

  Recorder few;
  const auto summary =
      train_run(*fs, test_config({"run.dir=/short", "optim.decay_steps=1"}), few, {.resume = true});
  ASSERT_TRUE(summary.ok()) << summary.message();
  EXPECT_EQ(summary->skipped, 8);
  for (const StepReport& report : few.steps) EXPECT_TRUE(report.record.skipped);
  // Nothing that was saved has changed, though eight steps have gone by.
  const auto checkpoints = list_checkpoints(*fs, "/short");
  ASSERT_TRUE(checkpoints.ok());
  ASSERT_EQ(checkpoints->size(), 2u);
  EXPECT_EQ(tensor_digests(*fs, checkpoints->at(0).path),
            tensor_digests(*fs, checkpoints->at(1).path));

  Recorder many;
  const auto failed =
      train_run(*fs, test_config({"run.dir=/long", "train.steps=30", "optim.decay_steps=1"}), many,
                {.resume = true});
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.message().find("10 steps in a row, up to step 14"), std::string::npos)
      << failed.message();
  EXPECT_EQ(many.steps.size(), 10u);
}

TEST(Trainer, KeepsTheNewestCheckpoints) {
  const auto fs = test_disk();
  Recorder recorder;
  const auto summary =
      train_run(*fs, test_config({"checkpoint.every=1", "checkpoint.keep=3"}), recorder);
  ASSERT_TRUE(summary.ok()) << summary.message();
  EXPECT_EQ(summary->checkpoint, "/run/step-000012");
  const auto entries = list_checkpoints(*fs, "/run");
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(entries->at(i).step, 12 - static_cast<int64_t>(i));
}

TEST(Trainer, AFullDiskEndsTheRunAndLeavesWhatWasSaved) {
  const auto fs = test_disk();
  Recorder recorder;
  const Config config = test_config({"checkpoint.every=4", "checkpoint.async=false"});
  recorder.after_step = [&](const StepReport& report) {
    if (report.record.step == 8) fs->set_capacity(0);
  };
  const auto failed = train_run(*fs, config, recorder);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind, ErrorKind::kResource);
  EXPECT_NE(failed.message().find("/run"), std::string::npos) << failed.message();
  fs->set_capacity(UINT64_MAX);
  Recorder rest;
  const auto resumed = train_run(*fs, config, rest, {.resume = true});
  ASSERT_TRUE(resumed.ok()) << resumed.message();
  EXPECT_EQ(rest.steps.front().record.step, 5);
  EXPECT_EQ(resumed->step, 12);
}

}  // namespace
}  // namespace tutti
