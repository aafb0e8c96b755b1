// One text in place of another, wherever it is. Stateless and thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tutti {

// Appends `text` to `out`, with `to` in place of each `from` (not empty). False, with `out` cut
// off, once a replacement makes it longer than `bytes_max`.
bool append_replaced(std::string_view text, std::string_view from, std::string_view to,
                     size_t bytes_max, std::string& out);

}  // namespace tutti
