#include "train/config_toml.h"

#include <toml++/toml.h>

#include <optional>

#include "base/nearest.h"
#include "base/utf8.h"

namespace tutti {
namespace {

constexpr const char* kCommandLine = "command line";

std::string position(const std::string& source, const toml::source_region& region) {
  return fmt::format("{}:{}:{}", source, region.begin.line, region.begin.column);
}

Result<toml::table> parse_table(std::string_view text, const std::string& source) {
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error& failure) {
    return invalid("{}: {}", position(source, failure.source()), failure.description());
  }
}

TomlScalar to_scalar(const toml::node& node) {
  if (const auto* v = node.as_integer()) return v->get();
  if (const auto* v = node.as_floating_point()) return v->get();
  if (const auto* v = node.as_boolean()) return v->get();
  if (const auto* v = node.as_string()) return v->get();
  if (node.is_array()) return OtherValue{"an array"};
  if (node.is_table()) return OtherValue{"a table"};
  return OtherValue{"a date or time"};
}

TomlValue to_value(const toml::node& node) {
  const toml::array* array = node.as_array();
  if (array == nullptr) {
    return std::visit([](auto&& scalar) { return TomlValue(std::move(scalar)); }, to_scalar(node));
  }
  TomlTables tables;
  for (const toml::node& element : *array) {
    const toml::table* table = element.as_table();
    if (table == nullptr) return OtherValue{"an array"};
    auto& entries = tables.emplace_back();
    for (const auto& [key, value] : *table) entries.emplace_back(key.str(), to_scalar(value));
  }
  return tables;
}

std::vector<std::string> key_names() {
  std::vector<std::string> names;
  for (const ConfigKey& key : config_keys()) names.emplace_back(key.name);
  return names;
}

bool is_section(std::string_view name) {
  for (const std::string_view section : config_sections()) {
    if (section == name) return true;
  }
  return false;
}

Error unknown_section(const std::string& origin, std::string_view name) {
  const auto sections = config_sections();
  const std::vector<std::string> names(sections.begin(), sections.end());
  return invalid("{}: unknown section [{}]{}; the sections are {}", origin, name,
                 did_you_mean(name, names), fmt::join(names, ", "));
}

// With nothing near by name, the keys of the section are what helps.
Error unknown_key(const std::string& origin, std::string_view name) {
  const std::string_view section = name.substr(0, name.find('.'));
  std::string hint = did_you_mean(name, key_names());
  if (!is_section(section)) return unknown_section(origin, section);
  if (hint.empty()) {
    std::vector<std::string_view> siblings;
    for (const ConfigKey& key : config_keys()) {
      if (key.section() == section) siblings.push_back(key.short_name());
    }
    hint = fmt::format("; the keys of [{}] are {}", section, fmt::join(siblings, ", "));
  }
  return invalid("{}: unknown key {}{}", origin, name, hint);
}

// A key without its section, at the top of the file: perhaps the section was forgotten.
Error key_outside_section(const std::string& origin, std::string_view name) {
  for (const ConfigKey& key : config_keys()) {
    if (key.short_name() == name) {
      return invalid("{}: {} stands outside a section; did you mean {}?", origin, name, key.name);
    }
  }
  return invalid("{}: {} stands outside a section; the sections are {}", origin, name,
                 fmt::join(config_sections(), ", "));
}

}  // namespace

Result<std::vector<Assignment>> read_toml(std::string_view text, const std::string& source) {
  TUTTI_ASSIGN(const toml::table root, parse_table(text, source));
  std::vector<Assignment> assignments;
  for (const auto& [section, node] : root) {
    const std::string origin = position(source, node.source());
    const toml::table* table = node.as_table();
    if (!is_section(section.str())) {
      if (table == nullptr) return key_outside_section(origin, section.str());
      return unknown_section(origin, section.str());
    }
    if (table == nullptr) {
      return invalid("{}: {} is a section: write [{}] and its keys below", origin, section.str(),
                     section.str());
    }
    for (const auto& [short_name, value] : *table) {
      const std::string place = position(source, value.source());
      const std::string name = fmt::format("{}.{}", section.str(), short_name.str());
      const ConfigKey* key = find_config_key(name);
      if (key == nullptr) return unknown_key(place, name);
      assignments.push_back({key, to_value(value), place});
    }
  }
  return assignments;
}

Result<Assignment> read_override(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return invalid("{}: '{}' is not section.key=value, for example train.steps=100", kCommandLine,
                   text);
  }
  const std::string name = text.substr(0, equals), value = text.substr(equals + 1);
  const ConfigKey* key = find_config_key(name);
  if (key == nullptr) return unknown_key(kCommandLine, name);

  // A line break in the value would let the parser see further keys.
  std::optional<TomlValue> parsed;
  if (value.find_first_of("\r\n") == std::string::npos) {
    const Result<toml::table> table = parse_table("value = " + value, kCommandLine);
    if (table.ok()) parsed = to_value(*table->get("value"));
  }
  const bool takes_text = key_type(*key) == "string" || key_type(*key) == "choice";
  const bool is_text = parsed && std::holds_alternative<std::string>(*parsed);
  if (parsed && (is_text || !takes_text)) return Assignment{key, *parsed, kCommandLine};

  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20) {
      return invalid("{}: {}: the value has a control character", kCommandLine, key->name);
    }
  }
  if (!is_utf8(value)) {
    return invalid("{}: {}: the value is not UTF-8", kCommandLine, key->name);
  }
  return Assignment{key, value, kCommandLine};
}

}  // namespace tutti
