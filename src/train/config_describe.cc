// What the table of keys says, in words; and the resolved config.
#include <cmath>

#include "train/config_keys.h"

namespace tutti {
namespace {

// A string as TOML's basic string.
std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

// The shortest decimal that reads back as the same double, and that TOML takes for a float.
std::string number(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string bound(double value) {
  return std::fabs(value) < 1e15 && value == std::floor(value)
             ? fmt::format("{}", static_cast<int64_t>(value))
             : fmt::format("{}", value);
}

std::string words(std::span<const std::string_view> list) {
  std::string text;
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) text += i + 1 == list.size() ? " or " : ", ";
    text += list[i];
  }
  return text;
}

}  // namespace

std::string_view key_type(const ConfigKey& key) {
  constexpr std::string_view kTypes[] = {"integer", "number", "boolean",
                                         "string",  "choice", "list"};
  static_assert(std::size(kTypes) == std::variant_size_v<KeyField>);
  return kTypes[key.field.index()];
}

std::string key_allowed(const ConfigKey& key) {
  if (const auto* choice = std::get_if<ChoiceField>(&key.field)) return words(choice->words);
  if (key_type(key) != "integer" && key_type(key) != "number") return "";
  return fmt::format("{}{} to {}{}", key.range.above_min ? "above " : "", bound(key.range.min),
                     key.range.below_max ? "below " : "", bound(key.range.max));
}

std::string key_value(const ConfigKey& key, const Config& config) {
  struct Printer {
    Config copy;
    std::string operator()(int64_t& (*member)(Config&)) { return fmt::format("{}", member(copy)); }
    std::string operator()(double& (*member)(Config&)) { return number(member(copy)); }
    std::string operator()(bool& (*member)(Config&)) { return member(copy) ? "true" : "false"; }
    std::string operator()(std::string& (*member)(Config&)) { return quote(member(copy)); }
    std::string operator()(std::vector<MixtureEntry>& (*member)(Config&)) {
      std::vector<std::string> entries;
      for (const MixtureEntry& entry : member(copy)) {
        entries.push_back(
            fmt::format("{{path = {}, weight = {}}}", quote(entry.path), number(entry.weight)));
      }
      return fmt::format("[{}]", fmt::join(entries, ", "));
    }
    std::string operator()(const ChoiceField& choice) {
      return quote(choice.words[choice.get(copy)]);
    }
  };
  return std::visit(Printer{config}, key.field);
}

std::string key_default(const ConfigKey& key) {
  const bool chosen = key.name == "model.preset" || key.name == "model.init";
  if (key.section() == "model" && !chosen) return "from model.preset or model.init";
  return key_value(key, Config());
}

std::string format_config(const Config& config) {
  std::string text;
  for (const std::string_view section : config_sections()) {
    text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    for (const ConfigKey& key : config_keys()) {
      if (key.section() != section) continue;
      text += fmt::format("{} = {}\n", key.short_name(), key_value(key, config));
    }
  }
  return text;
}

}  // namespace tutti
