// JSON as file formats need it: a repeated key is an error (most parsers silently
// keep one of the two), nesting has a limit, and every error says what was parsed and where.
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tutti {

// Parses `text`, which must be one JSON value. `what` names it in errors ("header of
// a.safetensors"). kCorrupt: a syntax error, invalid UTF-8, a repeated key, nesting deeper than
// `depth_max`.
Result<nlohmann::json> parse_strict_json(std::string_view text, std::string_view what,
                                         int depth_max = 64);

// Members of `object`, or kCorrupt with `what` and the key. Integers must be written as integers.
Result<int64_t> json_integer(const nlohmann::json& object, const char* key, std::string_view what);
Result<std::string> json_string(const nlohmann::json& object, const char* key,
                                std::string_view what);
Result<const nlohmann::json*> json_array(const nlohmann::json& object, const char* key,
                                         std::string_view what);
// The array of non-negative integers `value`.
Result<std::vector<int64_t>> json_sizes(const nlohmann::json& value, std::string_view what);
// Every key of the object `value` is one of `keys`.
Status json_only_keys(const nlohmann::json& value, std::initializer_list<std::string_view> keys,
                      std::string_view what);

// `text` as a JSON string, quoted and escaped; kInvalidArgument when it is not UTF-8.
Result<std::string> json_quoted(std::string_view text);

}  // namespace tutti
