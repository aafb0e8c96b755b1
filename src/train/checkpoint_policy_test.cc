#include "train/checkpoint_policy.h"

#include <thread>

#include "checkpoint/run_directory.h"
#include "comm/threads/world.h"
#include "train/test_run.h"

namespace tutti {
namespace {

class CheckpointPolicyTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(fs_.create_directories("/run").ok()); }

  Result<Snapshot> take(int64_t step) const {
    Snapshot snapshot;
    snapshot.state.step = step;
    snapshot.tensors = {{"w", DType::kU8, {static_cast<int64_t>(weights_.size())}, {}, weights_}};
    return snapshot;
  }

  std::vector<int64_t> saved_steps() {
    std::vector<int64_t> steps;
    const auto entries = list_checkpoints(fs_, "/run");
    EXPECT_TRUE(entries.ok());
    for (const CheckpointEntry& entry : *entries) {
      if (entry.committed) steps.push_back(entry.step);
    }
    return steps;
  }

  TestFileSystem fs_;
  std::string weights_ = std::string(100'000, 'w');
};

TEST_F(CheckpointPolicyTest, StateThatIsNotInMemoryIsNotStaged) {
  const Config config = test_config({"checkpoint.every=4", "checkpoint.async=true"});
  EXPECT_EQ(CheckpointPolicy(fs_, config).staging_bytes(1000), 1000);
  CheckpointPolicy policy(fs_, config, nullptr, false);
  EXPECT_EQ(policy.staging_bytes(1000), 0);
  const auto read = [&] {
    Result<Snapshot> snapshot = take(4);
    SnapshotTensor& tensor = snapshot->tensors[0];
    tensor.read_bytes = tensor.bytes.size();
    tensor.bytes = {};
    tensor.read = [&](uint64_t first, std::span<char> out) {
      std::copy_n(weights_.begin() + static_cast<int64_t>(first), out.size(), out.begin());
      return Status();
    };
    return snapshot;
  };
  ASSERT_TRUE(policy.after_step(4, false, read).ok());
  EXPECT_EQ(saved_steps(), std::vector<int64_t>{4}) << "it is on disk when the call returns";
}

TEST_F(CheckpointPolicyTest, SavesWhenDueAndAtTheEndOnce) {
  for (const char* async : {"checkpoint.async=true", "checkpoint.async=false"}) {
    CheckpointPolicy policy(fs_, test_config({"checkpoint.every=4", "checkpoint.keep=0", async}));
    int taken = 0;
    for (int64_t step = 1; step <= 8; ++step) {
      const Status status = policy.after_step(step, step == 8, [&] {
        ++taken;
        return take(step);
      });
      ASSERT_TRUE(status.ok()) << status.message();
    }
    EXPECT_EQ(taken, 2);
    EXPECT_EQ(policy.saved_step(), 8);
  }
  EXPECT_EQ(saved_steps(), (std::vector<int64_t>{8, 4, 8, 4}));
}

TEST_F(CheckpointPolicyTest, StagesOnlyWhatIsSavedInTheBackground) {
  EXPECT_EQ(CheckpointPolicy(fs_, test_config({"checkpoint.every=4"})).staging_bytes(99), 99);
  for (const char* waits :
       {"checkpoint.every=0", "checkpoint.every=12", "checkpoint.async=false"}) {
    EXPECT_EQ(CheckpointPolicy(fs_, test_config({waits})).staging_bytes(99), 0) << waits;
  }
}

TEST_F(CheckpointPolicyTest, ADiskThatWasFullForAWhileCostsOneCheckpoint) {
  CheckpointPolicy policy(fs_, test_config({"checkpoint.every=4"}));
  fs_.set_capacity(5000);
  ASSERT_TRUE(policy.after_step(4, false, [&] { return take(4); }).ok());
  const Status status = policy.after_step(8, false, [&] {
    fs_.set_capacity(UINT64_MAX);  // someone made room
    return take(8);
  });
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(policy.saved_step(), 8);
  EXPECT_EQ(saved_steps(), (std::vector<int64_t>{8}));
}

TEST_F(CheckpointPolicyTest, ADiskThatStaysFullIsAnErrorAndTheOldCheckpointStays) {
  CheckpointPolicy policy(fs_, test_config({"checkpoint.every=4", "train.steps=99"}));
  ASSERT_TRUE(policy.after_step(4, false, [&] { return take(4); }).ok());
  ASSERT_TRUE(policy.after_step(8, false, [&] { return take(8); }).ok());
  Status status = policy.after_step(12, false, [&] {
    fs_.set_capacity(5000);  // step 8 is on disk by now
    return take(12);
  });
  ASSERT_TRUE(status.ok()) << status.message();
  status = policy.after_step(16, false, [&] { return take(16); });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kResource);
  EXPECT_EQ(saved_steps(), (std::vector<int64_t>{8, 4}));
}

// The save of step 4 fails on one rank alone. All ranks learn of it when step 8 is due, and save
// that.
TEST_F(CheckpointPolicyTest, RanksTryAgainTogether) {
  TestFileSystem full;
  full.set_capacity(100);
  const auto clock = make_system_clock();
  const auto worlds = make_thread_worlds(2, {.timeout_s = 60}, *clock);
  std::vector<std::thread> threads;
  for (const auto& world : worlds) {
    threads.emplace_back([&] {
      const auto ranks = world->create_group({0, 1}, "saves");
      ASSERT_TRUE(ranks.ok());
      const bool second = world->rank() == 1;
      CheckpointPolicy policy(second ? full : fs_, test_config({"checkpoint.every=4"}),
                              ranks->get());
      const auto take_part = [&](int64_t step) {
        Result<Snapshot> snapshot = take(step);
        SnapshotTensor& tensor = snapshot->tensors[0];
        tensor.boxes = {{{second ? 60'000 : 0}, {second ? 40'000 : 60'000}}};
        tensor.bytes = tensor.bytes.subspan(second ? 60'000 : 0, second ? 40'000 : 60'000);
        return snapshot;
      };
      for (int64_t step = 1; step <= 7; ++step) {
        ASSERT_TRUE(policy.after_step(step, false, [&] { return take_part(step); }).ok());
      }
      const Status status = policy.after_step(8, false, [&] { return take_part(8); });
      ASSERT_FALSE(status.ok());
      EXPECT_TRUE(status.message().starts_with("rank 1: /run/step-000008.tmp-"))
          << status.message();
      EXPECT_EQ(policy.saved_step(), 4);
      const auto refuse = [&]() -> Result<Snapshot> {
        if (second) return io_error("no log");
        return take_part(9);
      };
      EXPECT_EQ(policy.after_step(9, true, refuse).message(), "rank 1: no log");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(saved_steps().empty());
}

}  // namespace
}  // namespace tutti
