// The tokens that end a text, in config.json and generation_config.json: the key eos_token_id,
// which is an id, a list of ids, or null. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace tutti {

// Those of a file; none where the key is missing. `path` names the file in errors (kCorrupt).
Result<std::vector<int32_t>> hugging_face_end_tokens(std::string_view json, std::string_view path);

// Adds those of `tokens` that `object` does not have. Errors as above.
Status add_hugging_face_end_tokens(Json& object, std::span<const int32_t> tokens,
                                   std::string_view path);

// The same for a file's text, which stays as it is when nothing is to be added.
Result<std::string> with_hugging_face_end_tokens(std::string_view json,
                                                 std::span<const int32_t> tokens,
                                                 std::string_view path);

}  // namespace tutti
