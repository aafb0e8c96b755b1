#include "ir/attributes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/status.h"

namespace tutti {
namespace {

template <typename T>
const T* typed(const Attribute* attribute, std::string_view name) {
  if (attribute == nullptr) return nullptr;
  const T* value = std::get_if<T>(attribute);
  TUTTI_CHECK(value != nullptr, "attribute {} has another type: {}", name, to_string(*attribute));
  return value;
}

struct Printer {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const {
    std::string text = fmt::format("{}", value);
    if (text.find_first_of(".einf") == std::string::npos) text += ".0";
    return text;
  }
  std::string operator()(const std::string& value) const { return fmt::format("\"{}\"", value); }
  std::string operator()(const std::vector<std::string>& value) const {
    return fmt::format("[{}]", fmt::join(value, ", "));
  }
};

}  // namespace

Attributes::Attributes(std::initializer_list<std::pair<std::string, Attribute>> entries) {
  for (const auto& [name, value] : entries) set(name, value);
}

void Attributes::set(std::string_view name, Attribute value) {
  auto at = std::lower_bound(entries_.begin(), entries_.end(), name,
                             [](const auto& entry, std::string_view n) { return entry.first < n; });
  if (at != entries_.end() && at->first == name) {
    at->second = std::move(value);
  } else {
    entries_.insert(at, {std::string(name), std::move(value)});
  }
}

const Attribute* Attributes::find(std::string_view name) const {
  for (const auto& entry : entries_) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

bool Attributes::get_bool(std::string_view name, bool fallback) const {
  const bool* value = typed<bool>(find(name), name);
  return value ? *value : fallback;
}

int64_t Attributes::get_int(std::string_view name, int64_t fallback) const {
  const int64_t* value = typed<int64_t>(find(name), name);
  return value ? *value : fallback;
}

double Attributes::get_double(std::string_view name, double fallback) const {
  const double* value = typed<double>(find(name), name);
  return value ? *value : fallback;
}

std::string Attributes::get_string(std::string_view name, std::string fallback) const {
  const std::string* value = typed<std::string>(find(name), name);
  return value ? *value : fallback;
}

const std::vector<std::string>& Attributes::get_names(std::string_view name) const {
  static const std::vector<std::string> kNone;
  const auto* value = typed<std::vector<std::string>>(find(name), name);
  return value ? *value : kNone;
}

std::string to_string(const Attribute& value) { return std::visit(Printer(), value); }

}  // namespace tutti
