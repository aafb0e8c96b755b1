#include "checkpoint/reshard.h"

#include <gtest/gtest.h>

#include "base/test_file_system.h"
#include "checkpoint/run_directory.h"
#include "checkpoint/test_snapshot.h"

namespace tutti {
namespace {

class Reshard : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(save_checkpoint(fs_, "/run", snapshot_.snapshot).ok()); }

  TestFileSystem fs_;
  TestSnapshot snapshot_{7};
};

TEST_F(Reshard, MakesEqualFilesOfTheSameTensorsAndLeavesTheOriginal) {
  const std::string before = *read_file(fs_, "/run/step-000007/manifest.json");
  for (const int files : {1, 2, 3, 5, 134}) {
    const std::string to = fmt::format("/out/{}", files);
    auto resharded = reshard_checkpoint(fs_, "/run", to, files);
    ASSERT_TRUE(resharded.ok()) << resharded.message();
    EXPECT_EQ(resharded->directory(), to + "/step-000007");
    snapshot_.expect_equal(*resharded);
    std::map<std::string, int64_t> elements;
    for (const LogicalTensor& tensor : resharded->manifest().tensors) {
      for (const Shard& shard : tensor.shards) elements[shard.file] += shard_elements(shard);
    }
    ASSERT_EQ(elements.size(), static_cast<size_t>(files));
    for (const auto& [file, count] : elements) EXPECT_NEAR(count, 134.0 / files, 1) << file;
  }
  EXPECT_EQ(*read_file(fs_, "/run/step-000007/manifest.json"), before);
  auto back = reshard_checkpoint(fs_, "/out/5", "/back", 1);
  ASSERT_TRUE(back.ok()) << back.message();
  snapshot_.expect_equal(*back);
}

TEST_F(Reshard, CutsTensorsOfSeveralDtypesBetweenElements) {
  Snapshot snapshot;
  const std::string bytes(63, 'x');
  snapshot.tensors = {{"a", DType::kU8, {7}, {}, std::span(bytes).first(7)},
                      {"b", DType::kF64, {2, 3}, {}, std::span(bytes).first(48)},
                      {"c", DType::kBF16, {4}, {}, std::span(bytes).first(8)}};
  ASSERT_TRUE(save_checkpoint(fs_, "/mixed", snapshot).ok());
  for (int files = 1; files <= 8; ++files) {
    auto resharded = reshard_checkpoint(fs_, "/mixed", fmt::format("/m/{}", files), files);
    ASSERT_TRUE(resharded.ok()) << resharded.message();
    std::string read(48, '\0');
    ASSERT_TRUE(resharded->read("b", read).ok());
    EXPECT_EQ(read, bytes.substr(0, 48));
  }
}

TEST_F(Reshard, RefusesWhatItCannotDoAndWritesNothing) {
  const auto message = [&](const std::string& from, const std::string& to, int files) {
    return reshard_checkpoint(fs_, from, to, files).status().message();
  };
  EXPECT_EQ(message("/run", "/run", 2), "/run holds checkpoints already; name another directory");
  EXPECT_EQ(message("/run", "/run/step-000007", 2),
            "/run/step-000007 is a checkpoint; name another directory");
  EXPECT_EQ(message("/run", "/out", 135), "/run/step-000007: 134 elements do not fill 135 files");
  EXPECT_EQ(list_checkpoints(fs_, "/out")->size(), 0u);
  fs_.flip_bit("/run/step-000007/rank-00000.safetensors", 600, 3);
  EXPECT_NE(message("/run/step-000007", "/out", 2).find("digest"), std::string::npos);
}

TEST_F(Reshard, AFullDiskLeavesNothingBehind) {
  fs_.set_capacity(3000);
  const auto failed = reshard_checkpoint(fs_, "/run", "/out", 2);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind, ErrorKind::kResource);
  EXPECT_EQ(list_checkpoints(fs_, "/out")->size(), 0u);
}

}  // namespace
}  // namespace tutti
