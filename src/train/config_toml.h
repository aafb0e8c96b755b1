// TOML text and command-line overrides as a list of assignments to known keys. The only file of the
// config that knows the TOML library. Thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "train/config_value.h"

namespace tutti {

// Errors name source:line:column; an unknown section or key also the nearest known one.
Result<std::vector<Assignment>> read_toml(std::string_view text, const std::string& source);

// "section.key=value": the value is TOML; for keys of strings and choices it may also be bare.
Result<Assignment> read_override(const std::string& text);

}  // namespace tutti
