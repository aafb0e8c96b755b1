// What is wrong with a text that is not JSON, without where: readers know that better than the
// library, which is shown one line or one object at a time.
#pragma once

#include <string_view>

namespace tutti {

// "[json.exception.parse_error.101] parse error at line 1, column 2: REASON" → "REASON". A view
// into `what`.
inline std::string_view json_error_reason(std::string_view what) {
  const size_t place_end = what.find(": ");
  return place_end == std::string_view::npos ? what : what.substr(place_end + 2);
}

}  // namespace tutti
