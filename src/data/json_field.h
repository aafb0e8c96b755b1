// One string field of a JSON object, found without building the rest of it. Thread-safe: no state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tutti {

// Where in a file a JSON text is, for errors.
struct JsonPlace {
  const std::string& path;
  uint64_t line;    // counted from 1
  uint64_t offset;  // of the text's first byte
};

// The string under `field` of the object that `json` must be; of two, the last. The rest of the
// object is checked to be JSON and dropped. Errors name the place to the byte.
Result<std::string> read_json_field(std::string_view json, const std::string& field,
                                    const JsonPlace& place);

}  // namespace tutti
