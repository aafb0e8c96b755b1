#include "telemetry/tensorboard.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/crc32c.h"
#include "base/test_file_system.h"
#include "telemetry/event.pb.h"

namespace tutti {
namespace {

uint64_t little_endian(std::string_view bytes) {
  uint64_t word = 0;
  for (size_t i = bytes.size(); i-- > 0;) word = word << 8 | static_cast<unsigned char>(bytes[i]);
  return word;
}

// Reads the frames and checks both checksums of each.
std::vector<std::string> records_of(std::string_view file) {
  std::vector<std::string> records;
  while (!file.empty()) {
    const std::string_view length = file.substr(0, 8);
    const uint64_t bytes = little_endian(length);
    if (file.size() < 16 || bytes > file.size() - 16) {
      ADD_FAILURE() << "a torn frame";
      break;
    }
    EXPECT_EQ(little_endian(file.substr(8, 4)), masked_crc32c(crc32c(length.data(), 8)));
    const std::string_view content = file.substr(12, bytes);
    EXPECT_EQ(little_endian(file.substr(12 + bytes, 4)),
              masked_crc32c(crc32c(content.data(), content.size())));
    records.emplace_back(content);
    file.remove_prefix(16 + bytes);
  }
  return records;
}

std::vector<tensorboard::Event> events_of(FileSystem& fs, const std::string& path) {
  std::vector<tensorboard::Event> events;
  for (const std::string& record : records_of(*read_file(fs, path))) {
    EXPECT_TRUE(events.emplace_back().ParseFromString(record));
  }
  return events;
}

// The bytes follow from the wire format and the published field numbers, by hand.
TEST(TensorBoard, ScalarHasThePublishedBytes) {
  TestFileSystem fs;
  VirtualClock clock;
  clock.advance_s(2);  // 0x4000000000000000 as a double
  auto writer = TensorBoardWriter::open(fs, clock, "tb", {.host = "a/b"});
  ASSERT_TRUE(writer.ok()) << writer.message();
  EXPECT_EQ(writer->path(), "tb/events.out.tfevents.0000000002.000.a_b");
  const Scalar scalar{"loss", 1.5};
  ASSERT_TRUE(writer->scalars(300, {&scalar, 1}).ok());
  const auto records = records_of(*read_file(fs, writer->path()));
  ASSERT_EQ(records.size(), 2u);
  using namespace std::string_literals;
  const std::string time = "\x09\0\0\0\0\0\0\0\x40"s;
  EXPECT_EQ(records[0], time +
                            "\x1a\x0d"
                            "brain.Event:2");
  EXPECT_EQ(records[1], time +
                            "\x10\xac\x02"
                            "\x2a\x0d"
                            "\x0a\x0b"
                            "\x0a\x04loss"
                            "\x15\0\0\xc0\x3f"s);
}

TEST(TensorBoard, ScalarsCarryTheTimeTheyWereMeasuredAt) {
  TestFileSystem fs;
  VirtualClock clock;
  clock.advance_s(9);
  auto writer = TensorBoardWriter::open(fs, clock, "tb");
  ASSERT_TRUE(writer.ok());
  const Scalar scalar{"loss", 1};
  ASSERT_TRUE(writer->scalars(1, {&scalar, 1}, 7.25).ok());
  ASSERT_TRUE(writer->scalars(2, {&scalar, 1}).ok());
  const auto events = events_of(fs, writer->path());
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].wall_time(), 7.25);
  EXPECT_EQ(events[2].wall_time(), 9);
}

TEST(TensorBoard, TextIsAStringTensorOfTheTextPlugin) {
  TestFileSystem fs;
  VirtualClock clock;
  auto writer = TensorBoardWriter::open(fs, clock, "tb");
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->text(1, "plan", "**dp** = 2").ok());
  const auto events = events_of(fs, writer->path());
  ASSERT_EQ(events.size(), 2u);
  const auto& value = events[1].summary().value(0);
  EXPECT_EQ(value.metadata().plugin_data().plugin_name(), "text");
  EXPECT_EQ(value.tensor().dtype(), 7);
  EXPECT_EQ(value.tensor().string_val(0), "**dp** = 2");
}

TEST(TensorBoard, ResumingOpensANewFileThatVoidsLaterSteps) {
  TestFileSystem fs;
  VirtualClock clock;
  auto first = TensorBoardWriter::open(fs, clock, "tb");
  auto second = TensorBoardWriter::open(fs, clock, "tb", {.resume_step = 40});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_LT(first->path(), second->path()) << "read in this order, also within one second";
  const auto events = events_of(fs, second->path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].session_log().status(), tensorboard::SessionLog::START);
  EXPECT_EQ(events[1].step(), 41);
}

// A run that was killed before its first checkpoint begins again at step 1.
TEST(TensorBoard, StartingAgainBesideOlderEventsVoidsThemAll) {
  TestFileSystem fs;
  VirtualClock clock;
  auto first = TensorBoardWriter::open(fs, clock, "tb");
  auto second = TensorBoardWriter::open(fs, clock, "tb");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(events_of(fs, first->path()).size(), 1u);
  const auto events = events_of(fs, second->path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].session_log().status(), tensorboard::SessionLog::START);
  EXPECT_EQ(events[1].step(), 1);
}

TEST(TensorBoard, FullDiskIsReported) {
  TestFileSystem fs;
  VirtualClock clock;
  auto writer = TensorBoardWriter::open(fs, clock, "tb");
  ASSERT_TRUE(writer.ok());
  fs.set_capacity(0);
  const Scalar scalar{"loss", 1};
  EXPECT_EQ(writer->scalars(1, {&scalar, 1}).error().kind, ErrorKind::kResource);
}

}  // namespace
}  // namespace tutti
