#include "base/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tutti {
namespace {

// What may follow a first byte: the sequence's length and the range of its second byte.
struct Lead {
  size_t bytes;  // 0: cannot begin a sequence
  unsigned char second_min;
  unsigned char second_max;
};

Lead lead_of(unsigned char first) {
  if (first < 0x80) return {1, 0, 0};
  if (first < 0xC2) return {0, 0, 0};  // a continuation, or an overlong form of ASCII
  if (first < 0xE0) return {2, 0x80, 0xBF};
  if (first == 0xE0) return {3, 0xA0, 0xBF};  // below: overlong
  if (first == 0xED) return {3, 0x80, 0x9F};  // above: surrogates
  if (first < 0xF0) return {3, 0x80, 0xBF};
  if (first == 0xF0) return {4, 0x90, 0xBF};  // below: overlong
  if (first < 0xF4) return {4, 0x80, 0xBF};
  if (first == 0xF4) return {4, 0x80, 0x8F};  // above: past U+10FFFF
  return {0, 0, 0};
}

// The length of the longest prefix of `text` that begins, or is, a sequence; 0: none. Requires a
// byte.
size_t sequence_prefix(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const Lead lead = lead_of(byte(0));
  const size_t end = std::min(lead.bytes, text.size());
  if (end < 2) return end;
  if (byte(1) < lead.second_min || byte(1) > lead.second_max) return 1;
  size_t at = 2;
  while (at < end && (byte(at) & 0xC0) == 0x80) ++at;
  return at;
}

bool is_ascii_word(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, 8);
  return (word & 0x8080808080808080u) == 0;
}

}  // namespace

std::optional<size_t> first_invalid_utf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= 8 && is_ascii_word(text.data() + at)) {
      at += 8;
      continue;
    }
    const size_t length = lead_of(static_cast<unsigned char>(text[at])).bytes;
    if (length == 0 || sequence_prefix(text.substr(at)) != length) return at;
    at += length;
  }
  return std::nullopt;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (const auto bad = first_invalid_utf8(text)) {
    out += text.substr(0, *bad);
    out += "\xEF\xBF\xBD";
    text.remove_prefix(*bad);
    text.remove_prefix(std::max<size_t>(sequence_prefix(text), 1));
  }
  out += text;
  return out;
}

}  // namespace tutti
