// Code points in and out of UTF-8 that is known to be valid (base/utf8.h checks). Stateless and
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tutti {

// Appends `code_point` (a scalar value: at most U+10FFFF and no surrogate).
void append_utf8(uint32_t code_point, std::string& out);

// Reads the code point at `at` and moves past it. Requires valid UTF-8 and at < text.size().
uint32_t read_utf8(std::string_view text, size_t& at);

// True for 10xxxxxx: a byte at which text must not be cut.
inline bool is_utf8_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

}  // namespace tutti
