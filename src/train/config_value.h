// One value on its way from TOML into a Config: checked against the type and range of its key.
// Thread-safe.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "train/config_keys.h"

namespace tutti {

// A TOML value of a type that no key has: "an array", "a table", "a date".
struct OtherValue {
  std::string kind;
};

using TomlScalar = std::variant<int64_t, double, bool, std::string, OtherValue>;
// An array of tables: the keys and values of each.
using TomlTables = std::vector<std::vector<std::pair<std::string, TomlScalar>>>;
using TomlValue = std::variant<int64_t, double, bool, std::string, OtherValue, TomlTables>;

// A value and where it was written: "run.toml:12:3" or "command line".
struct Assignment {
  const ConfigKey* key = nullptr;
  TomlValue value;
  std::string origin;
};

// Sets the key's member. Errors name the origin, the key, what was got and what is allowed.
Status assign(const Assignment& assignment, Config& config);

}  // namespace tutti
