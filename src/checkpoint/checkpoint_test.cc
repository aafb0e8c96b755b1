#include "checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include <random>

#include "base/test_file_system.h"
#include "base/test_sanitized.h"
#include "checkpoint/run_directory.h"
#include "checkpoint/test_snapshot.h"

namespace tutti {
namespace {

std::string saved(FileSystem& fs, int64_t step) {
  const TestSnapshot snapshot(step);
  const auto directory = save_checkpoint(fs, "/run", snapshot.snapshot);
  EXPECT_TRUE(directory.ok()) << directory.message();
  return directory.ok() ? directory.value() : "";
}

int64_t loaded_step(FileSystem& fs, const std::string& path) {
  auto checkpoint = load_checkpoint(fs, path);
  if (!checkpoint.ok()) return -1;
  TestSnapshot(checkpoint->manifest().step).expect_equal(*checkpoint);
  return checkpoint->manifest().step;
}

TEST(Checkpoint, WhatWasSavedIsLoaded) {
  TestFileSystem fs;
  EXPECT_EQ(saved(fs, 12), "/run/step-000012");
  EXPECT_EQ(loaded_step(fs, "/run"), 12);
  EXPECT_EQ(loaded_step(fs, "/run/step-000012"), 12);
  EXPECT_EQ(read_file(fs, "/run/latest").value(), "step-000012\n");
  EXPECT_EQ(load_checkpoint(fs, "/elsewhere").error().kind, ErrorKind::kNotFound);
}

TEST(Checkpoint, TheSameSnapshotGivesTheSameBytes) {
  TestFileSystem a, b;
  const TestSnapshot snapshot(3);
  ASSERT_TRUE(save_checkpoint(a, "/run", snapshot.snapshot, "token").ok());
  ASSERT_TRUE(save_checkpoint(b, "/run", snapshot.snapshot, "token").ok());
  for (const char* name : {"manifest.json", "rank-00000.safetensors"}) {
    const std::string path = join_path("/run/step-000003", name);
    EXPECT_EQ(read_file(a, path).value(), read_file(b, path).value());
  }
}

TEST(Checkpoint, AnyFlippedBitIsFoundAndTheOneBeforeIsLoaded) {
  TestFileSystem fs;
  saved(fs, 1);
  const std::string newest = saved(fs, 2);
  for (const char* name : {"manifest.json", "rank-00000.safetensors"}) {
    const std::string path = join_path(newest, name);
    const uint64_t bytes = fs.stat(path)->bytes;
    for (uint64_t i = 0; i < bytes; i += kSanitized ? 5 : 1) {
      fs.flip_bit(path, i, static_cast<int>(i % 8));
      ASSERT_FALSE(load_checkpoint(fs, newest).ok()) << path << " byte " << i;
      // Loading a run directory reads everything: on some of them is enough.
      if (i % 97 == 0) {
        ASSERT_EQ(loaded_step(fs, "/run"), 1);
      }
      fs.flip_bit(path, i, static_cast<int>(i % 8));
    }
  }
  EXPECT_EQ(loaded_step(fs, "/run"), 2);
}

TEST(Checkpoint, VerifyNamesEveryDamagedTensor) {
  TestFileSystem fs;
  const std::string path = saved(fs, 2) + "/rank-00000.safetensors";
  const uint64_t bytes = fs.stat(path)->bytes;
  fs.flip_bit(path, bytes - 1, 0);           // t2, the last
  fs.flip_bit(path, bytes - 4 - 20 - 1, 0);  // the end of t0
  auto checkpoint = Checkpoint::open(fs, "/run/step-000002");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
  const std::vector<std::string> faults = checkpoint->verify();
  ASSERT_EQ(faults.size(), 2u);
  EXPECT_NE(faults[0].find("tensor \"t0\": the digest of its 512 bytes"), std::string::npos);
  EXPECT_NE(faults[1].find("tensor \"t2\""), std::string::npos);
}

TEST(Checkpoint, MissingAndShortFilesAreNamed) {
  TestFileSystem fs;
  const std::string directory = saved(fs, 2), path = directory + "/rank-00000.safetensors";
  const std::string content = read_file(fs, path).value();
  (*fs.create(path))->append(content.substr(0, content.size() - 1)).ok();
  EXPECT_NE(Checkpoint::open(fs, directory).message().find(path), std::string::npos);
  ASSERT_TRUE(fs.remove(path).ok());
  const auto missing = Checkpoint::open(fs, directory);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(missing.message().find(path), std::string::npos);
}

TEST(Checkpoint, ReadingNamesUnknownTensorsAndBoxesOutside) {
  TestFileSystem fs;
  auto checkpoint = Checkpoint::open(fs, saved(fs, 2));
  ASSERT_TRUE(checkpoint.ok());
  std::string out(4, '\0');
  EXPECT_EQ(checkpoint->read("nope", out).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(checkpoint->read_box("t1", {{5}, {1}}, out).error().kind, ErrorKind::kInvalidArgument);
}

// Three ranks hold a matrix in three ways; any box of it reads back, whoever holds it.
TEST(Checkpoint, AnyBoxIsReadFromAnySharding) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const Sizes sizes = {7, 6, 5};
  std::string whole(7 * 6 * 5 * 2, '\0');
  for (size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<char>(i * 37 + i / 256);
  const auto slice = [&](std::span<const Box> boxes) {
    std::string bytes;
    for (const Box& box : boxes) {
      const Status status =
          for_each_run(box, whole_box(sizes), box, [&](int64_t from, int64_t, int64_t count) {
            bytes += whole.substr(static_cast<size_t>(from) * 2, static_cast<size_t>(count) * 2);
            return Status();
          });
      EXPECT_TRUE(status.ok());
    }
    return bytes;
  };
  const std::vector<std::vector<Box>> shardings[] = {
      {{{{0, 0, 0}, {3, 6, 5}}}, {{{3, 0, 0}, {1, 6, 5}}}, {{{4, 0, 0}, {3, 6, 5}}}},
      {{{{0, 0, 0}, {7, 6, 1}}}, {{{0, 0, 1}, {7, 2, 4}}}, {{{0, 2, 1}, {7, 4, 4}}}},
      {flat_range_boxes(sizes, 0, 70), flat_range_boxes(sizes, 70, 140),
       flat_range_boxes(sizes, 140, 210)}};
  for (const auto& sharding : shardings) {
    TestFileSystem fs;
    const auto ticket = begin_save(fs, "/run", 5, "token");
    ASSERT_TRUE(ticket.ok());
    std::vector<RankShards> ranks;
    for (size_t rank = 0; rank < sharding.size(); ++rank) {
      const std::string bytes = slice(sharding[rank]);
      const SnapshotTensor part = {"w", DType::kBF16, sizes, sharding[rank], bytes};
      auto shards = write_rank_shards(fs, ticket.value(), static_cast<int64_t>(rank), {&part, 1});
      ASSERT_TRUE(shards.ok()) << shards.message();
      ranks.push_back(std::move(shards).value());
    }
    const SnapshotState state = {.step = 5, .world_size = 3, .plan = "dp = 3"};
    // Without one rank's shards the tensor is not whole: that is refused.
    EXPECT_FALSE(commit_save(fs, ticket.value(), state, std::span(ranks).first(2)).ok());
    ASSERT_TRUE(commit_save(fs, ticket.value(), state, ranks).ok());
    auto checkpoint = load_checkpoint(fs, "/run");
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
    EXPECT_EQ(checkpoint->find("w")->shards.size(), 3u);
    for (int round = 0; round < 100; ++round) {
      Box box = whole_box(sizes);
      for (size_t d = 0; d < sizes.size(); ++d) {
        box.offset[d] = std::uniform_int_distribution<int64_t>(0, sizes[d] - 1)(random);
        box.size[d] = std::uniform_int_distribution<int64_t>(1, sizes[d] - box.offset[d])(random);
      }
      const std::string expected = slice({&box, 1});
      std::string out(expected.size(), '\0');
      const Status status = checkpoint->read_box("w", box, out);
      ASSERT_TRUE(status.ok()) << status.message();
      ASSERT_EQ(out, expected) << to_string(box);
    }
  }
}

TEST(Checkpoint, LargeTensorsReadInDirectAndBatchedRuns) {
  TestFileSystem fs;
  const Sizes sizes = {1024, 4096};  // rows of 4 KiB
  std::string bytes(1024 * 4096, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>((i * 2654435761u) >> 13);
  Snapshot snapshot;
  snapshot.tensors = {{"w", DType::kU8, sizes, {}, bytes}};
  ASSERT_TRUE(save_checkpoint(fs, "/run", snapshot).ok());
  auto checkpoint = load_checkpoint(fs, "/run", Trust::kStructure);
  ASSERT_TRUE(checkpoint.ok());
  for (const Box& box :
       {Box{{3, 0}, {1000, 4096}}, Box{{0, 5}, {1024, 7}}, Box{{1, 9}, {900, 4000}}}) {
    std::string out(static_cast<size_t>(box.size[0] * box.size[1]), '\0');
    const int64_t before = fs.operations();
    ASSERT_TRUE(checkpoint->read_box("w", box, out).ok());
    EXPECT_LE(fs.operations() - before, 6);  // a read for each row would be about 1000
    for (int64_t row = 0; row < box.size[0]; ++row) {
      const size_t from = static_cast<size_t>((box.offset[0] + row) * 4096 + box.offset[1]);
      const size_t width = static_cast<size_t>(box.size[1]);
      ASSERT_EQ(out.substr(static_cast<size_t>(row) * width, width), bytes.substr(from, width));
    }
  }
}

}  // namespace
}  // namespace tutti
