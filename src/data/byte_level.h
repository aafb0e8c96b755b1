// GPT-2's reversible map between bytes and printable characters, in which byte-level BPE files
// spell their tokens: printable Latin-1 bytes stand for themselves, the other 68 bytes for U+0100
// onward. Stateless and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tutti {

// The code point that stands for `byte`.
uint32_t byte_level_code_point(unsigned char byte);

// Bytes → their spelling.
std::string to_byte_level(std::string_view bytes);

// "<0x41>", as models over characters spell bytes, → 'A'; nothing for any other text.
std::optional<char> read_byte_token(std::string_view text);

// A spelling → the bytes; nothing when `spelling` is no valid UTF-8 or a character is not of the
// map.
std::optional<std::string> from_byte_level(std::string_view spelling);

}  // namespace tutti
