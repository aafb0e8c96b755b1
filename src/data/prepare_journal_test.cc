#include "data/prepare_journal.h"

#include <gtest/gtest.h>

#include "base/test_file_system.h"
#include "data/test_corpus.h"

namespace tutti {
namespace {

PreparePoint point_of(int64_t n) {
  PreparePoint point;
  point.read = {static_cast<size_t>(n),
                {static_cast<uint64_t>(10 * n), static_cast<uint64_t>(n + 1)}};
  point.first_without_text = n;
  point.train = {{100 * n, 5 * n, n}, 400 * n, n, n - 1};
  point.validation = {{7 * n, n, 0}, 30 * n, 1, -1};
  return point;
}

std::string journal_of(FileSystem& fs, int points) {
  auto journal = PrepareJournal::open(fs, "/", "abc", 0);
  EXPECT_TRUE(journal.ok()) << journal.message();
  for (int n = 1; n <= points; ++n) EXPECT_TRUE((*journal)->commit(point_of(n)).ok());
  return *read_file(fs, "/prepare.journal");
}

TEST(PrepareJournal, RemembersTheLastPoint) {
  TestFileSystem fs;
  const std::string text = journal_of(fs, 3);
  const auto content = parse_journal(text, "abc", "j");
  ASSERT_TRUE(content.ok()) << content.message();
  EXPECT_EQ(content->point, point_of(3));
  EXPECT_EQ(content->bytes, text.size());
  const auto none = parse_journal(journal_of(fs, 0), "abc", "j");
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->point, PreparePoint());
  const auto other = parse_journal(text, "abd", "j");
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.message().find("j: of a preparation with other inputs"), std::string::npos);
}

TEST(PrepareJournal, CutAnywhereItEndsAtTheLastWholeLine) {
  TestFileSystem fs;
  const std::string text = journal_of(fs, 3);
  std::vector<size_t> line_ends;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') line_ends.push_back(i + 1);
  }
  ASSERT_EQ(line_ends.size(), 4u);
  for (size_t bytes = 0; bytes <= text.size(); ++bytes) {
    const auto content = parse_journal(std::string_view(text).substr(0, bytes), "abc", "j");
    const auto whole =
        std::count_if(line_ends.begin(), line_ends.end(), [&](size_t end) { return end <= bytes; });
    ASSERT_EQ(content.ok(), whole > 0) << bytes;
    if (whole == 0) continue;
    EXPECT_EQ(content->bytes, line_ends[whole - 1]);
    EXPECT_EQ(content->point, whole == 1 ? PreparePoint() : point_of(whole - 1));
  }
}

TEST(PrepareJournal, ADamagedLineEndsIt) {
  TestFileSystem fs;
  const std::string text = journal_of(fs, 3);
  size_t line = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] ^= 1;
    const auto content = parse_journal(damaged, "abc", "j");
    ASSERT_EQ(content.ok(), line > 0) << i;
    if (content.ok()) {
      EXPECT_EQ(content->point, line == 1 ? PreparePoint() : point_of(line - 1));
    }
    line += text[i] == '\n';
  }
}

TEST(PrepareJournal, GoesOnBehindItsLastWholeLine) {
  TestFileSystem fs;
  const std::string text = journal_of(fs, 2);
  write_text(fs, "/prepare.journal", text + "0123");
  auto journal = PrepareJournal::open(fs, "/", "abc", text.size());
  ASSERT_TRUE(journal.ok()) << journal.message();
  ASSERT_TRUE((*journal)->commit(point_of(5)).ok());
  EXPECT_EQ(parse_journal(*read_file(fs, "/prepare.journal"), "abc", "j")->point, point_of(5));
}

}  // namespace
}  // namespace tutti
