#include "train/config_value.h"

#include <charconv>
#include <cmath>
#include <optional>

#include "base/nearest.h"

namespace tutti {
namespace {

std::string describe(const TomlValue& value) {
  struct Describe {
    std::string operator()(int64_t v) const { return fmt::format("the integer {}", v); }
    std::string operator()(double v) const { return fmt::format("the number {}", v); }
    std::string operator()(bool v) const { return fmt::format("the boolean {}", v); }
    std::string operator()(const std::string& v) const {
      return fmt::format("the string \"{}\"", v);
    }
    std::string operator()(const OtherValue& v) const { return v.kind; }
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
