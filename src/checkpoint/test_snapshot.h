// A small snapshot with content that its step determines, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/save.h"

namespace tutti {

// Owns the bytes that `snapshot` points to. Not copyable: the spans would point to the original.
class TestSnapshot {
 public:
  explicit TestSnapshot(int64_t step) {
    for (size_t i = 0; i < 3; ++i) {
      const Sizes sizes[] = {{8, 16}, {5}, {}};
      const int64_t count = element_count(sizes[i]);
      std::string bytes(static_cast<size_t>(count) * 4, '\0');
      for (size_t b = 0; b < bytes.size(); ++b) {
        bytes[b] = static_cast<char>(static_cast<size_t>(step) * 31 + i * 7 + b);
      }
      bytes_.push_back(std::move(bytes));
      snapshot.tensors.push_back({.name = "t" + std::to_string(i), .sizes = sizes[i]});
    }
    for (size_t i = 0; i < 3; ++i) snapshot.tensors[i].bytes = bytes_[i];
    snapshot.state.step = step;
    snapshot.state.plan = "plan of " + std::to_string(step);
    snapshot.state.data_position = step * 64;
    snapshot.state.trainer = {{"lr", 0.5 / static_cast<double>(step + 1)}};
  }
  TestSnapshot(const TestSnapshot&) = delete;
  TestSnapshot& operator=(const TestSnapshot&) = delete;

  Snapshot snapshot;

  // Fails the test unless `checkpoint` holds exactly this.
  void expect_equal(Checkpoint& checkpoint) const {
    EXPECT_EQ(checkpoint.manifest().step, snapshot.state.step);
    EXPECT_EQ(checkpoint.manifest().plan, snapshot.state.plan);
    EXPECT_EQ(checkpoint.manifest().data_position, snapshot.state.data_position);
    EXPECT_EQ(checkpoint.manifest().trainer, snapshot.state.trainer);
    ASSERT_EQ(checkpoint.manifest().tensors.size(), bytes_.size());
    for (size_t i = 0; i < bytes_.size(); ++i) {
      std::string read(bytes_[i].size(), '\0');
      const Status status = checkpoint.read(snapshot.tensors[i].name, read);
      ASSERT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(read, bytes_[i]);
    }
  }

 private:
  std::vector<std::string> bytes_;
};

}  // namespace tutti
