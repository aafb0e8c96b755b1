#include "checkpoint/save_group.h"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <thread>

#include "base/test_file_system.h"
#include "checkpoint/async_writer.h"
#include "checkpoint/run_directory.h"
#include "checkpoint/test_snapshot.h"
#include "comm/threads/world.h"

namespace tutti {
namespace {

constexpr int kRanks = 4;

// Runs `rank` on a thread for each rank, with a communicator of all.
void run_ranks(const std::function<void(Communicator&)>& rank) {
  const auto clock = make_system_clock();
  const auto worlds = make_thread_worlds(kRanks, {.timeout_s = 60}, *clock);
  std::vector<std::thread> threads;
  for (const auto& world : worlds) {
    threads.emplace_back([&] {
      std::vector<int> all(kRanks);
      std::iota(all.begin(), all.end(), 0);
      const auto group = world->create_group(all, "saves");
      TUTTI_CHECK(group.ok(), "{}", group.message());
      rank(**group);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// The rows of each tensor of a snapshot that a rank holds: rank 0 also all of those that are not
// cut, and rank 3 nothing.
Snapshot part_of(const Snapshot& whole, int rank) {
  Snapshot part{whole.state, {}};
  for (SnapshotTensor tensor : whole.tensors) {
    const bool cut = tensor.sizes.size() == 2;
    if (rank == 3 || (!cut && rank > 0)) continue;
    if (cut) {
      const int64_t begin = rank * 20, end = rank == 2 ? element_count(tensor.sizes) : begin + 20;
      tensor.boxes = flat_range_boxes(tensor.sizes, begin, end);
      tensor.bytes = tensor.bytes.subspan(static_cast<size_t>(begin) * 4,
                                          static_cast<size_t>(end - begin) * 4);
    }
    part.tensors.push_back(tensor);
  }
  return part;
}

void expect_newest(FileSystem& fs, const TestSnapshot& expected) {
  auto checkpoint = load_checkpoint(fs, "/run");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
  EXPECT_EQ(checkpoint->manifest().world_size, kRanks);
  expected.expect_equal(*checkpoint);
}

TEST(SaveGroup, RanksWriteOneCheckpointAndKeepTheNewest) {
  TestFileSystem fs;
  const TestSnapshot first(1), second(2), third(3);
  run_ranks([&](Communicator& ranks) {
    SaveGroup group(fs, "/run", 2, &ranks);
    for (const TestSnapshot* step : {&first, &second, &third}) {
      const auto directory = group.save(part_of(step->snapshot, ranks.rank()));
      ASSERT_TRUE(directory.ok()) << directory.message();
      EXPECT_EQ(*directory, "/run/" + checkpoint_name(step->snapshot.state.step));
    }
  });
  expect_newest(fs, third);
  EXPECT_EQ(list_checkpoints(fs, "/run")->size(), 2u);
  EXPECT_EQ(read_manifest(fs, "/run/step-000003")->files.size(), 3u);
}

TEST(SaveGroup, OneRankNeedsNoCommunicator) {
  TestFileSystem fs;
  const TestSnapshot snapshot(1);
  SaveGroup group(fs, "/run", 1);
  EXPECT_EQ(group.size(), 1);
  ASSERT_TRUE(group.save(snapshot.snapshot).ok());
  EXPECT_TRUE(group.agree({}).ok());
  EXPECT_EQ(group.agree(invalid("no")).message(), "no");
  EXPECT_EQ(read_manifest(fs, "/run/step-000001")->world_size, 1);
}

TEST(SaveGroup, AnErrorOnOneRankIsOneOnAll) {
  TestFileSystem fs;
  run_ranks([&](Communicator& ranks) {
    SaveGroup group(fs, "/run", 1, &ranks);
    EXPECT_TRUE(group.agree({}).ok());
    const bool fails = ranks.rank() >= 2;
    const Status status = group.agree(fails ? Status(io_error("disk {}", ranks.rank())) : Status());
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kIo);
    EXPECT_EQ(status.message(), "rank 2: disk 2 (and 1 more rank failed)");
  });
}

TEST(SaveGroup, ARankWhoseDiskIsFullFailsTheSaveOnAllAndTheOldCheckpointStays) {
  TestFileSystem fs, full;
  full.set_capacity(100);
  const TestSnapshot first(1), second(2), third(3);
  run_ranks([&](Communicator& ranks) {
    SaveGroup group(fs, "/run", 1, &ranks);
    ASSERT_TRUE(group.save(part_of(first.snapshot, ranks.rank())).ok());
    SaveGroup one_full(ranks.rank() == 2 ? full : fs, "/run", 1, &ranks);
    const auto failed = one_full.save(part_of(second.snapshot, ranks.rank()));
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().kind, ErrorKind::kResource);
    EXPECT_TRUE(failed.message().starts_with("rank 2: /run/step-000002.tmp-")) << failed.message();
    EXPECT_NE(failed.message().find("the disk has 100 free"), std::string::npos);
    if (ranks.rank() == 0) {
      expect_newest(fs, first);
      EXPECT_EQ(list_checkpoints(fs, "/run")->size(), 1u);
    }
    ASSERT_TRUE(group.save(part_of(third.snapshot, ranks.rank())).ok());
  });
  expect_newest(fs, third);
}

// Whichever operation of whichever rank fails, all ranks agree on the outcome, and what a
// checkpoint was before the save or is after it can be read.
TEST(SaveGroup, SurvivesAFailureAtEachOperation) {
  const TestSnapshot first(1), second(2);
  int failures = 0;
  for (int64_t n = 0;; ++n) {
    TestFileSystem fs;
    int64_t before = 0;
    std::vector<Status> statuses(kRanks);
    run_ranks([&](Communicator& ranks) {
      SaveGroup group(fs, "/run", 0, &ranks);
      ASSERT_TRUE(group.save(part_of(first.snapshot, ranks.rank())).ok());
      if (ranks.rank() == 0) {
        before = fs.operations();
        fs.fail_operation(before + n);
      }
      ASSERT_TRUE(ranks.barrier("armed").ok());
      statuses[static_cast<size_t>(ranks.rank())] =
          group.save(part_of(second.snapshot, ranks.rank())).status();
    });
    const bool past_the_end = fs.operations() <= before + n;
    fs.fail_operation(-1);
    for (const Status& status : statuses) {
      ASSERT_EQ(status.ok(), statuses[0].ok());
      if (!status.ok()) {
        EXPECT_EQ(status.message(), statuses[0].message());
      }
    }
    const bool saved = load_checkpoint(fs, "/run")->manifest().step == 2;
    EXPECT_TRUE(saved || !statuses[0].ok()) << n;
    expect_newest(fs, saved ? second : first);
    failures += statuses[0].ok() ? 0 : 1;
    if (past_the_end) break;
  }
  EXPECT_GT(failures, 20);
}

TEST(SaveGroup, SavesInTheBackgroundOnAllRanks) {
  TestFileSystem fs, full;
  full.set_capacity(100);
  const TestSnapshot first(1), second(2), third(3);
  run_ranks([&](Communicator& ranks) {
    const bool is_full = ranks.rank() == 1;
    SaveGroup group(is_full ? full : fs, "/run", 0, &ranks);
    AsyncWriter writer(group);
    ASSERT_TRUE(writer.reserve(1 << 16).ok());
    ASSERT_TRUE(writer.save(part_of(first.snapshot, ranks.rank())).ok());
    const Status failed = writer.save(part_of(second.snapshot, ranks.rank()));
    ASSERT_FALSE(failed.ok());
    EXPECT_TRUE(failed.message().starts_with("rank 1: ")) << failed.message();
    const Status refused = writer.reserve(is_full ? uint64_t{1} << 50 : 1 << 17);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::kResource);
  });
  EXPECT_FALSE(load_checkpoint(fs, "/run").ok());
  run_ranks([&](Communicator& ranks) {
    SaveGroup group(fs, "/run", 0, &ranks);
    AsyncWriter writer(group);
    ASSERT_TRUE(writer.save(part_of(second.snapshot, ranks.rank())).ok());
    ASSERT_TRUE(writer.save(part_of(third.snapshot, ranks.rank())).ok());
    EXPECT_TRUE(writer.finish().ok());
  });
  expect_newest(fs, third);
}

}  // namespace
}  // namespace tutti
