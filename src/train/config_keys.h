// The table of all keys of a run config: the one place that knows their names, types and ranges.
//
// A key's type follows from the member that it sets. Thread-safe: the table is constant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "train/config.h"

namespace tutti {

inline constexpr int64_t kGlobalBatchMax = 1 << 30;

// An enum shown as one of a list of words; the position in the list is what get and set carry.
struct ChoiceField {
  std::span<const std::string_view> words;
  size_t (*get)(const Config&);
  void (*set)(Config&, size_t);
};

// What a key sets: a member of Config, an enum, or a list of tables with path and weight.
using KeyField =
    std::variant<int64_t& (*)(Config&), double& (*)(Config&), bool& (*)(Config&),
                 std::string& (*)(Config&), ChoiceField, std::vector<MixtureEntry>& (*)(Config&)>;

struct KeyRange {
  double min = 0;
  double max = 0;
  bool above_min = false;  // min itself is not allowed
  bool below_max = false;  // max itself is not allowed
};

struct ConfigKey {
  std::string_view name;  // "section.key"
  KeyField field;
  KeyRange range;  // for integers and numbers
  std::string_view unit;
  std::string_view meaning;
  std::string_view example;  // a value, as TOML

  std::string_view section() const { return name.substr(0, name.find('.')); }
  std::string_view short_name() const { return name.substr(name.find('.') + 1); }
};

std::span<const ConfigKey> config_keys();
const ConfigKey* find_config_key(std::string_view name);  // null when there is none

// "integer", "number", "boolean", "string", "choice" or "list".
std::string_view key_type(const ConfigKey& key);
// "1 to 128", "above 0", "cosine, linear, wsd or constant"; empty for strings and booleans.
std::string key_allowed(const ConfigKey& key);
// The value that `config` holds, as TOML.
std::string key_value(const ConfigKey& key, const Config& config);
// The default as a reader should see it: for sizes of the model, that they come from the preset.
std::string key_default(const ConfigKey& key);

// The names of the sections in the order of the table.
std::span<const std::string_view> config_sections();

}  // namespace tutti
