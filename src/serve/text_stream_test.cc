#include "serve/text_stream.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace tutti {
namespace {

TEST(TextStream, ShowsPlainTextAtOnce) {
  TextStream stream;
  EXPECT_EQ(stream.append("open "), "open ");
  EXPECT_EQ(stream.append(""), "");
  EXPECT_EQ(stream.append("a file"), "a file");
  EXPECT_EQ(stream.finish(), "");
}

// Every length of character, with first and second bytes at the ends of their ranges.
TEST(TextStream, HoldsACharacterBackUntilItIsWhole) {
  for (const char32_t c : {0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xCFFF, 0xD000, 0xD7FF, 0xE000,
                           0xFFFF, 0x10000, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF}) {
    std::string bytes;
    if (c < 0x800) {
      bytes = {static_cast<char>(0xC0 | c >> 6)};
    } else if (c < 0x10000) {
      bytes = {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F))};
    } else {
      bytes = {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
               static_cast<char>(0x80 | (c >> 6 & 0x3F))};
    }
    bytes += static_cast<char>(0x80 | (c & 0x3F));
    ASSERT_TRUE(is_utf8(bytes));
    TextStream stream;
    for (size_t i = 0; i + 1 < bytes.size(); ++i) {
      EXPECT_EQ(stream.append(bytes.substr(i, 1)), "") << "U+" << std::hex << uint32_t{c};
    }
    EXPECT_EQ(stream.append(bytes.substr(bytes.size() - 1) + "x"), bytes + "x");
  }
}

TEST(TextStream, ReplacesWhatCannotBecomeText) {
  TextStream stream;
  EXPECT_EQ(stream.append("a\xFF"
                          "b"),
            "a\uFFFDb");
  EXPECT_EQ(stream.append("\xE6\x9D"), "");
  EXPECT_EQ(stream.append("x"), "\uFFFDx");
  EXPECT_EQ(stream.append("\xC0\xAF."), "\uFFFD.");      // an overlong form
  EXPECT_EQ(stream.append("\xED\xA0\x80."), "\uFFFD.");  // a surrogate
}

TEST(TextStream, ReplacesAnUnfinishedCharacterAtTheEnd) {
  TextStream stream;
  EXPECT_EQ(stream.append("x\xF0\x9F\x98"), "x");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.append("y"), "y");
}

// Whatever comes, in whatever pieces, what is shown is UTF-8, and for UTF-8 it is what came.
TEST(TextStream, ShowsUtf8ForAnyBytes) {
  std::string text = "naïve 東京 😀 \xF4\x8F\xBF\xBF end";
  for (int variant = 0; variant < 64; ++variant) {
    std::string bytes = text;
    const bool damaged = variant >= 8;
    if (damaged) bytes[static_cast<size_t>(variant * 7) % bytes.size()] ^= '\x55' + variant;
    TextStream stream;
    std::string shown;
    const auto step = static_cast<size_t>(variant % 8 + 1);
    for (size_t i = 0; i < bytes.size(); i += step) {
      const std::string piece = stream.append(bytes.substr(i, step));
      EXPECT_TRUE(is_utf8(piece)) << "variant " << variant << " at " << i;
      shown += piece;
    }
    shown += stream.finish();
    EXPECT_TRUE(is_utf8(shown)) << "variant " << variant;
    if (!damaged) {
      EXPECT_EQ(shown, text);
    }
  }
}

}  // namespace
}  // namespace tutti
