// The typed constants of an op, by name, kept sorted so that equal attributes print equally.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tutti {

using Attribute = std::variant<bool, int64_t, double, std::string, std::vector<std::string>>;

class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<std::string, Attribute>> entries);

  void set(std::string_view name, Attribute value);
  bool has(std::string_view name) const { return find(name) != nullptr; }
  bool empty() const { return entries_.empty(); }
  const std::vector<std::pair<std::string, Attribute>>& entries() const { return entries_; }

  // The value, or the fallback when the attribute is absent. A wrong type is a bug.
  bool get_bool(std::string_view name, bool fallback = false) const;
  int64_t get_int(std::string_view name, int64_t fallback = 0) const;
  double get_double(std::string_view name, double fallback = 0) const;
  std::string get_string(std::string_view name, std::string fallback = "") const;
  const std::vector<std::string>& get_names(std::string_view name) const;  // empty when absent

  friend bool operator==(const Attributes&, const Attributes&) = default;

 private:
  const Attribute* find(std::string_view name) const;

  std::vector<std::pair<std::string, Attribute>> entries_;
};

// "true", "3", "1e-05", "\"text\"", "[a, b]"; doubles print in shortest round-trip form and always
// with a '.', 'e', "inf" or "nan", so that they parse back as doubles.
std::string to_string(const Attribute& value);

}  // namespace tutti
