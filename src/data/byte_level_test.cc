#include "data/byte_level.h"

#include <gtest/gtest.h>

#include "data/code_points.h"

namespace tutti {
namespace {

TEST(ByteLevel, SpellsAsGpt2Does) {
  EXPECT_EQ(to_byte_level(" the\n"), "ĠtheĊ");
  EXPECT_EQ(to_byte_level(std::string_view("\0\x7F\xAD\xFF", 4)), "ĀġŃÿ");
  EXPECT_EQ(to_byte_level("é"), "Ã©");
}

TEST(ByteLevel, EveryByteComesBack) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  EXPECT_EQ(from_byte_level(to_byte_level(bytes)), bytes);
}

TEST(ByteLevel, RefusesWhatIsNoSpelling) {
  EXPECT_FALSE(from_byte_level(" "));       // spelled Ġ
  EXPECT_FALSE(from_byte_level("東"));      // stands for no byte
  EXPECT_FALSE(from_byte_level("\xC4"));    // no UTF-8
  EXPECT_FALSE(from_byte_level("\u0144"));  // one past the map
  EXPECT_TRUE(from_byte_level("\u0143"));
}

TEST(CodePoints, SurviveARoundTrip) {
  for (const uint32_t code_point :
       {0x0u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xD7FFu, 0xE000u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    std::string text;
    append_utf8(code_point, text);
    size_t at = 0;
    EXPECT_EQ(read_utf8(text, at), code_point);
    EXPECT_EQ(at, text.size());
  }
}

}  // namespace
}  // namespace tutti
