#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace tutti {
namespace {

std::string encode(uint32_t c) {
  std::string out;
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      out += static_cast<char>(0xE0 | c >> 12);
    } else {
      out += static_cast<char>(0xF0 | c >> 18);
      out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    }
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
  }
  out += static_cast<char>(0x80 | (c & 0x3F));
  return out;
}

TEST(Utf8, AcceptsExactlyTheScalarValues) {
  for (uint32_t c = 0; c < 0x110000; ++c) {
    const bool surrogate = c >= 0xD800 && c < 0xE000;
    ASSERT_EQ(is_utf8(encode(c)), !surrogate) << "U+" << std::hex << c;
  }
  EXPECT_FALSE(is_utf8(encode(0x110000)));
}

TEST(Utf8, RefusesOverlongTruncatedAndStrayBytes) {
  for (const char* bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xC3",
        "\xE2\x82", "\xF0\x9F\x98", "\xC3\x28", "\xE2\x28\xA1", "\xF5\x80\x80\x80", "\xFF"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(Utf8, ReportsTheFirstByteOfTheBadSequence) {
  EXPECT_EQ(first_invalid_utf8("ascii only, more than eight bytes"), std::nullopt);
  EXPECT_EQ(first_invalid_utf8("0123456789\xFF tail"), 10u);
  EXPECT_EQ(first_invalid_utf8("\xC3\xA9\xE2\x82"), 2u) << "a sequence cut off by the end";
  EXPECT_EQ(first_invalid_utf8("12345678\xED\xA0\x80"), 8u);
}

// What Python 3.11's bytes.decode("utf-8", "replace") gives.
TEST(Utf8, ReplacesMaximalSubparts) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {"plain text of ASCII \u00e9\u6771", "plain text of ASCII \u00e9\u6771"},
      {"a\x80z", "a\ufffdz"},
      {"\xC0\x80", "\ufffd\ufffd"},
      {"\xED\xA0\x80|", "\ufffd\ufffd\ufffd|"},
      {"\xE2\x82|", "\ufffd|"},
      {"\xE2\x82", "\ufffd"},
      {"\xF0\x9F\x98|", "\ufffd|"},
      {"\xF0\x9F\x98\xF0\x9F\x98\x80", "\ufffd\U0001f600"},
      {"\xF0\x80\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},
      {"\xF4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "\ufffd\ufffd\ufffd\ufffd\x41"},
      {"\xFF\xFE", "\ufffd\ufffd"},
  };
  for (const auto& [bad, repaired] : cases) EXPECT_EQ(replace_invalid_utf8(bad), repaired);
}

}  // namespace
}  // namespace tutti
