// UTF-8 validation (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing above
// U+10FFFF).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tutti {

// The offset of the first byte of the first ill-formed sequence; nothing when all is well-formed.
std::optional<size_t> first_invalid_utf8(std::string_view text);

inline bool is_utf8(std::string_view text) { return !first_invalid_utf8(text); }

}  // namespace tutti
