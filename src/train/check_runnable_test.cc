#include "train/check_runnable.h"

#include <gtest/gtest.h>

#include "train/layout.h"
#include "train/run_programs.h"
#include "train/test_run.h"
#include "train/trainer.h"

namespace tutti {
namespace {

struct Case {
  std::vector<std::string> overrides;
  std::vector<std::string> said;  // all of them in the message
};

void expect_refused(const Status& status, const Case& expected) {
  ASSERT_FALSE(status.ok()) << expected.overrides.front();
  for (const std::string& part : expected.said) {
    EXPECT_NE(status.message().find(part), std::string::npos) << part << " in " << status.message();
  }
}

TEST(CheckRunnable, RefusesARunWithoutData) {
  EXPECT_TRUE(check_runnable(test_config()).ok());
  const Case expected{{"data.train=", "train.global_batch=8", "data.validation="},
                      {"data.train is not set"}};
  expect_refused(check_runnable(test_config(expected.overrides)), expected);
}

TEST(CheckRanks, SaysHowManyRanksTheAxesAskFor) {
  EXPECT_TRUE(check_ranks(test_config(), 1).ok());
  const Config config = test_config({"parallel.tp=2", "parallel.dp=2"});
  EXPECT_TRUE(check_ranks(config, 4).ok());
  expect_refused(check_ranks(config, 3), {{"tp"}, {"3 ranks", "asks for 4", "dp 2", "tp 2"}});
}

TEST(CheckRunnable, RefusesAPlanBeyondTheMemoryWithItsNumbers) {
  MemoryReport plan;
  plan.parameters = int64_t{3} << 30;
  plan.stash = int64_t{1} << 30;
  const AvailableMemory available = {uint64_t{4} << 30, "MemAvailable"};
  EXPECT_TRUE(check_memory(plan, {.arena_bytes = plan.total()}, available).ok());
  const Status status = check_memory(
      plan, {.arena_bytes = plan.total(), .host_bytes = 1 << 30, .staging_bytes = 1 << 30},
      available);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kResource);
  for (const char* part : {"6.00 GiB", "4.00 GiB", "3.00 GiB", "MemAvailable", "staging 1.00 GiB",
                           "host's memory 1.00 GiB", "parallel.offload_to = \"file\""}) {
    EXPECT_NE(status.message().find(part), std::string::npos) << part << status.message();
  }
}

TEST(PrepareRun, RefusesBeforeAnythingIsTakenOrWritten) {
  const auto fs = test_disk();
  write_corpus(*fs, "/data/short", 10, 3);
  write_corpus(*fs, "/data/wide", 300, 3, 200);
  const Case cases[] = {
      {{"data.train=/data/short"}, {"data.train", "/data/short.bin", "10 tokens", "seq_len 16"}},
      {{"data.train=/data/wide"}, {"data.train", "/data/wide.bin", "ids 0 to 60"}},
      {{"data.train=/data/missing"}, {"data.train", "/data/missing"}},
      {{"tokenizer.path=/data/none.json"}, {"tokenizer.path", "/data/none.json"}},
      {{"data.validation=/data/short", "train.eval_every=5"}, {"data.validation", "/data/short"}},
      // Half a trillion parameters: more than the memory of any machine that runs this test.
      {{"model.embed=65536", "model.heads=512", "model.kv_heads=512", "model.mlp=262144",
        "model.layers=8", "model.head_dim=128"},
       {"needs", "available", "parameters", "optimizer"}},
  };
  const auto clock = make_system_clock();
  for (const Case& expected : cases) {
    const auto run = prepare_run(*fs, *clock, test_config(expected.overrides), {});
    expect_refused(run.ok() ? Status() : run.status(), expected);
    EXPECT_FALSE(exists(*fs, "/run")) << expected.overrides.front();
  }
}

TEST(PrepareRun, ABatchThatDoesNotDivideIsRefusedByTheConfig) {
  const auto config =
      parse_config(kTestConfig, "test", std::vector<std::string>{"train.global_batch=5"});
  ASSERT_FALSE(config.ok());
  EXPECT_NE(config.message().find("train.global_batch = 5"), std::string::npos);
  const auto seq = parse_config(kTestConfig, "test", std::vector<std::string>{"train.seq_len=17"});
  ASSERT_FALSE(seq.ok());
  EXPECT_NE(seq.message().find("train.seq_len = 17"), std::string::npos);
}

}  // namespace
}  // namespace tutti
