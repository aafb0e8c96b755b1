#include "train/config_value.h"

#include <charconv>
#include <cmath>
#include <optional>

#include "base/nearest.h"

namespace tutti {
namespace {

template <typename Value>
std::string describe(const Value& value) {
  struct Describe {
    std::string operator()(int64_t v) const { return fmt::format("the integer {}", v); }
    std::string operator()(double v) const { return fmt::format("the number {}", v); }
    std::string operator()(bool v) const { return fmt::format("the boolean {}", v); }
    std::string operator()(const std::string& v) const {
      return fmt::format("the string \"{}\"", v);
    }
    std::string operator()(const OtherValue& v) const { return v.kind; }
    std::string operator()(const TomlTables&) const { return "an array of tables"; }
  };
  return std::visit(Describe{}, value);
}

// The number that the text begins with, and what follows it.
std::optional<double> leading_number(const std::string& text, std::string& rest) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return std::nullopt;
  rest.assign(parsed.ptr, text.data() + text.size());
  return value;
}

// What to write instead, for the mistakes that are common: a number in quotes, a number with a
// unit, a float for a count.
std::string advice(const ConfigKey& key, const TomlValue& value) {
  const std::string_view type = key_type(key);
  const bool numeric = type == "integer" || type == "number";
  if (const auto* text = std::get_if<std::string>(&value); text != nullptr && numeric) {
    std::string rest;
    const auto number = leading_number(*text, rest);
    if (!number) return "";
    if (rest.empty() && type == "integer" && std::fabs(*number) >= 0x1p63) {
      return "; no integer has more than 64 bits";
    }
    if (rest.empty()) {
      return fmt::format("; write it without quotes: {} = {}", key.short_name(), *text);
    }
    return fmt::format("; write a plain number without '{}'{}{}", rest,
                       key.unit.empty() ? "" : ": the unit is ", key.unit);
  }
  if (const auto* number = std::get_if<double>(&value); number != nullptr && type == "integer") {
    if (*number == std::floor(*number) && std::fabs(*number) < 1e15) {
      return fmt::format("; write {}", static_cast<int64_t>(*number));
    }
  }
  if (std::get_if<std::string>(&value) != nullptr && type == "boolean") {
    return "; write true or false without quotes";
  }
  if (type == "list") return fmt::format(" of tables: {}", key.example);
  return "";
}

std::string_view article(std::string_view type) { return type == "integer" ? "an" : "a"; }

Error wrong_type(const Assignment& a) {
  const std::string_view type = key_type(*a.key) == "choice" ? "string" : key_type(*a.key);
  return invalid("{}: {}: got {}, expected {} {}{}", a.origin, a.key->name, describe(a.value),
                 article(type), type, advice(*a.key, a.value));
}

Status check_range(const Assignment& a, double value) {
  const KeyRange& range = a.key->range;
  const bool low = range.above_min ? !(value > range.min) : !(value >= range.min);
  const bool high = range.below_max ? !(value < range.max) : !(value <= range.max);
  if (!low && !high) return Status();
  return invalid("{}: {}: got {}, expected {}{}{}", a.origin, a.key->name, describe(a.value),
                 key_allowed(*a.key), a.key->unit.empty() ? "" : " ", a.key->unit);
}

// One of the tables of a mixture; `name` is what errors call it.
Result<MixtureEntry> read_entry(const std::vector<std::pair<std::string, TomlScalar>>& table,
                                const std::string& name) {
  MixtureEntry entry;
  for (const auto& field : table) {
    const std::string& key = field.first;
    const TomlScalar& value = field.second;
    const auto wrong = [&](const char* expected) {
      return invalid("{}.{}: got {}, expected {}", name, key, describe(value), expected);
    };
    if (key == "path") {
      const auto* path = std::get_if<std::string>(&value);
      if (path == nullptr || path->empty()) return wrong("a path in quotes");
      entry.path = *path;
    } else if (key == "weight") {
      const auto* whole = std::get_if<int64_t>(&value);
      const auto* number = std::get_if<double>(&value);
      if (whole == nullptr && number == nullptr) return wrong("a number above 0");
      entry.weight = whole != nullptr ? static_cast<double>(*whole) : *number;
      if (!(entry.weight > 0) || !std::isfinite(entry.weight)) return wrong("a number above 0");
    } else {
      return invalid("{}: unknown key {}{}; the keys are path and weight", name, key,
                     did_you_mean(key, std::vector<std::string>{"path", "weight"}));
    }
  }
  if (entry.path.empty()) return invalid("{}: path is not set", name);
  return entry;
}

struct Assign {
  const Assignment& a;
  Config& config;

  Status operator()(int64_t& (*member)(Config&)) const {
    const auto* value = std::get_if<int64_t>(&a.value);
    if (value == nullptr) return wrong_type(a);
    TUTTI_TRY(check_range(a, static_cast<double>(*value)));
    member(config) = *value;
    return Status();
  }

  Status operator()(double& (*member)(Config&)) const {
    double value = 0;
    if (const auto* integer = std::get_if<int64_t>(&a.value)) {
      value = static_cast<double>(*integer);
    } else if (const auto* number = std::get_if<double>(&a.value)) {
      value = *number;
    } else {
      return wrong_type(a);
    }
    TUTTI_TRY(check_range(a, value));
    member(config) = value;
    return Status();
  }

  Status operator()(bool& (*member)(Config&)) const {
    const auto* value = std::get_if<bool>(&a.value);
    if (value == nullptr) return wrong_type(a);
    member(config) = *value;
    return Status();
  }

  Status operator()(std::string& (*member)(Config&)) const {
    const auto* value = std::get_if<std::string>(&a.value);
    if (value == nullptr) return wrong_type(a);
    member(config) = *value;
    return Status();
  }

  Status operator()(std::vector<MixtureEntry>& (*member)(Config&)) const {
    const auto* tables = std::get_if<TomlTables>(&a.value);
    if (tables == nullptr) return wrong_type(a);
    std::vector<MixtureEntry> entries;
    for (size_t i = 0; i < tables->size(); ++i) {
      const std::string name = fmt::format("{}: {}[{}]", a.origin, a.key->name, i);
      TUTTI_ASSIGN(MixtureEntry entry, read_entry((*tables)[i], name));
      entries.push_back(std::move(entry));
    }
    member(config) = std::move(entries);
    return Status();
  }

  Status operator()(const ChoiceField& choice) const {
    const auto* value = std::get_if<std::string>(&a.value);
    if (value == nullptr) return wrong_type(a);
    for (size_t i = 0; i < choice.words.size(); ++i) {
      if (choice.words[i] != *value) continue;
      choice.set(config, i);
      return Status();
    }
    const std::vector<std::string> words(choice.words.begin(), choice.words.end());
    return invalid("{}: {}: got {}, expected {}{}", a.origin, a.key->name, describe(a.value),
                   key_allowed(*a.key), did_you_mean(*value, words));
  }
};

}  // namespace

Status assign(const Assignment& assignment, Config& config) {
  return std::visit(Assign{assignment, config}, assignment.key->field);
}

}  // namespace tutti
