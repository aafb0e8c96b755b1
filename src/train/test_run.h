// A tiny model, its corpus and its run on a disk in memory: what tests of training need.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/test_file_system.h"
#include "checkpoint/checkpoint.h"
#include "data/indexed_dataset.h"
#include "train/trainer.h"

namespace tutti {

inline constexpr int64_t kTestVocab = 61;  // padded to 64 inside

// Tokens of a stream that can be learnt: mostly the previous one plus a constant.
inline void write_corpus(FileSystem& fs, const std::string& prefix, int64_t tokens, uint64_t seed,
                         int64_t vocab = kTestVocab) {
  auto writer = IndexedDatasetWriter::create(fs, prefix, TokenType::kUint16);
  ASSERT_TRUE(writer.ok()) << writer.message();
  std::vector<int32_t> ids;
  const RngKey key = rng_key(seed, 0, stable_hash("corpus"));
  int64_t token = 0;
  for (int64_t i = 0; i < tokens; ++i) {
    const auto words = philox(key, static_cast<uint64_t>(i));
    token = words[0] % 8 == 0 ? words[1] % static_cast<uint64_t>(vocab) : (token + 7) % vocab;
    ids.push_back(static_cast<int32_t>(token));
  }
  ASSERT_TRUE((*writer)->append(ids).ok());
  ASSERT_TRUE((*writer)->end_document().ok());
  ASSERT_TRUE((*writer)->finish().ok());
}

inline constexpr const char* kTestConfig = R"(
[model]
architecture = "llama"
layers = 2
embed = 16
heads = 4
kv_heads = 2
mlp = 32
vocab = 61
context = 16
dropout = 0.1
[data]
train = "/data/train"
validation = "/data/validation"
[train]
steps = 12
seq_len = 16
micro_batch = 2
global_batch = 4
threads = 1
[optim]
lr = 1e-2
warmup_steps = 3
[run]
dir = "/run"
)";

inline Config test_config(std::vector<std::string> overrides = {}) {
  const auto config = parse_config(kTestConfig, "test", overrides);
  TUTTI_CHECK(config.ok(), "{}", config.message());
  return *config;
}

// A disk with a corpus of 40 samples: a run of 12 steps of 4 goes past the end of an epoch.
inline std::unique_ptr<TestFileSystem> test_disk() {
  auto fs = std::make_unique<TestFileSystem>();
  EXPECT_TRUE(fs->create_directories("/data").ok());
  EXPECT_TRUE(fs->sync_directory("/").ok());
  write_corpus(*fs, "/data/train", 40 * 16 + 1, 1);
  write_corpus(*fs, "/data/validation", 200, 2);
  return fs;
}

class Recorder : public TrainObserver {
 public:
  void stepped(const StepReport& report) override {
    steps.push_back(report);
    if (after_step) after_step(report);
  }
  std::vector<StepReport> steps;
  std::function<void(const StepReport&)> after_step;  // may be empty
};

inline Result<TrainSummary> train_run(FileSystem& fs, const Config& config, Recorder& recorder,
                                      TrainOptions options = {}) {
  const auto clock = make_system_clock();
  TUTTI_ASSIGN(const auto trainer, Trainer::create(fs, *clock, config, std::move(options)));
  return trainer->run(recorder);
}

// Every tensor of the newest checkpoint, as "name digest" lines: parameters and optimizer state.
inline std::vector<std::string> tensor_digests(FileSystem& fs, const std::string& path) {
  std::vector<std::string> lines;
  const auto checkpoint = load_checkpoint(fs, path);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.message();
  if (!checkpoint.ok()) return lines;
  for (const LogicalTensor& tensor : checkpoint->manifest().tensors) {
    lines.push_back(tensor.name + " " + tensor.shards.front().digest.hex());
  }
  return lines;
}

}  // namespace tutti
