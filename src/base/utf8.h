// UTF-8 validation (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing above
// U+10FFFF) and repair. Stateless and thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tutti {

// The offset of the first byte of the first ill-formed sequence; nothing when all is well-formed.
std::optional<size_t> first_invalid_utf8(std::string_view text);

inline bool is_utf8(std::string_view text) { return !first_invalid_utf8(text); }

// `text` with U+FFFD in place of each ill-formed sequence: one for every maximal part that could
// have begun a character, else one a byte (Unicode 15, section 3.9, "substitution of maximal
// subparts"). That is what Python's bytes.decode("utf-8", "replace") gives.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace tutti
