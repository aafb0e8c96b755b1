#include "data/byte_level.h"

#include <array>

#include "base/utf8.h"
#include "data/code_points.h"

namespace tutti {
namespace {

constexpr uint32_t kCodePoints = 256 + 68;

constexpr bool stands_for_itself(uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct ByteMap {
  std::array<uint32_t, 256> code_point{};
  std::array<int16_t, kCodePoints> byte{};
};

constexpr ByteMap make_byte_map() {
  ByteMap map;
  for (auto& byte : map.byte) byte = -1;
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const uint32_t code_point = stands_for_itself(byte) ? byte : next++;
    map.code_point[byte] = code_point;
    map.byte[code_point] = static_cast<int16_t>(byte);
  }
  return map;
}

constexpr ByteMap kByteMap = make_byte_map();
static_assert(kByteMap.code_point[' '] == 0x120);

int hexadecimal(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

uint32_t byte_level_code_point(unsigned char byte) { return kByteMap.code_point[byte]; }

std::string to_byte_level(std::string_view bytes) {
  std::string spelling;
  spelling.reserve(bytes.size());
  for (const char byte : bytes) {
    append_utf8(byte_level_code_point(static_cast<unsigned char>(byte)), spelling);
  }
  return spelling;
}

std::optional<char> read_byte_token(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  const int high = hexadecimal(text[3]), low = hexadecimal(text[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

std::optional<std::string> from_byte_level(std::string_view spelling) {
  if (!is_utf8(spelling)) return std::nullopt;
  std::string bytes;
  bytes.reserve(spelling.size());
  for (size_t at = 0; at < spelling.size();) {
    const uint32_t code_point = read_utf8(spelling, at);
    if (code_point >= kCodePoints || kByteMap.byte[code_point] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kByteMap.byte[code_point]));
  }
  return bytes;
}

}  // namespace tutti
