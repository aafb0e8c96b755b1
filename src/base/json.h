// JSON as file formats need it: objects keep the order of their keys and find each in constant
// time, a repeated key is an error (most parsers silently keep one of the two), nesting has a
// limit, and every error says what was parsed and where.
//
// The text itself is read and written by a library, in json.cc alone: its headers are far too large
// to be read by every file that handles JSON. Thread-safe as a std::vector is.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"

namespace tutti {

// A JSON value. Braces make one as they look: {{"a", 1}, {"b", {2, 3}}} is an object, because every
// element is a pair that begins with a text, {2, 3} an array; what could be either (an array of
// such pairs) is made by array().
class Json {
 public:
  struct Member;

  Json();  // null
  Json(std::nullptr_t);
  Json(std::same_as<bool> auto value) : Json(Scalar(value)) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Json(T value)
      : Json(value < 0 ? Scalar(static_cast<int64_t>(value))
                       : Scalar(static_cast<uint64_t>(value))) {}
  Json(double value);
  Json(const char* text);
  Json(std::string text);
  Json(std::string_view text);
  template <typename T>
  Json(const std::vector<T>& elements) : Json(array()) {
    for (const T& element : elements) push_back(element);
  }
  template <typename T>
  Json(const std::optional<T>& value) : Json(value ? Json(*value) : Json()) {}
  template <typename T>
  Json(const std::map<std::string, T>& members) : Json(object()) {
    for (const auto& [key, value] : members) (*this)[key] = value;
  }
  Json(std::initializer_list<Json> braces);
  static Json array(std::initializer_list<Json> elements = {});
  static Json object();

  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();

  bool is_null() const;
  bool is_boolean() const;
  bool is_number() const;
  bool is_integer() const;  // written as one, within int64_t
  bool is_count() const;    // written as an integer, within uint64_t
  bool is_string() const;
  bool is_array() const;
  bool is_object() const;
  const char* type_name() const;  // "null", "boolean", "number", "string", "array", "object"

  // The value as bool, int32_t, int64_t, uint64_t, double or std::string; requires that it is one.
  template <typename T>
  T get() const;
  // Requires a string.
  const std::string& text() const;

  // Of an array its elements, of an object its members, else 0.
  size_t size() const;
  bool empty() const { return size() == 0; }

  // The elements of an array; none of anything else.
  const Json* begin() const;
  const Json* end() const;
  // Requires an array that has the element.
  template <std::integral I>
  const Json& operator[](I index) const {
    return element(static_cast<size_t>(index));
  }
  template <std::integral I>
  Json& operator[](I index) {
    return const_cast<Json&>(element(static_cast<size_t>(index)));
  }
  // Requires an array, or null, which becomes one.
  void push_back(Json element);

  // The members of an object, in their order; none of anything else.
  const std::list<Member>& members() const;
  // Null when this is no object or has no such key. A member stays where it is until it is erased.
  const Json* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  // Requires an object that has the key.
  const Json& operator[](std::string_view key) const;
  const Json& operator[](const char* key) const { return (*this)[std::string_view(key)]; }
  // Requires an object, or null, which becomes one; a missing key is added with null.
  Json& operator[](std::string_view key);
  Json& operator[](const char* key) { return (*this)[std::string_view(key)]; }
  // Requires an object. In time linear in its size.
  void erase(std::string_view key);

  // As one line, or indented. What is no UTF-8 is replaced by U+FFFD, NaN and infinities by null.
  std::string dump(int indent = -1) const;

  // Objects are equal whatever the order of their keys, numbers by value.
  friend bool operator==(const Json& a, const Json& b);
  // For GoogleTest.
  friend void PrintTo(const Json& value, std::ostream* out);

 private:
  class Object;
  using Array = std::vector<Json>;
  using Scalar = std::variant<bool, int64_t, uint64_t>;

  explicit Json(Scalar scalar);

  const Json& element(size_t index) const;
  const Object* if_object() const;
  Object& as_object();
  Array& as_array();

  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array,
               std::unique_ptr<Object>>
      value_;
};

struct Json::Member {
  std::string key;
  Json value;
};

template <>
bool Json::get() const;
template <>
int32_t Json::get() const;
template <>
int64_t Json::get() const;
template <>
uint64_t Json::get() const;
template <>
double Json::get() const;
template <>
std::string Json::get() const;

// Why a text is not the JSON value that was asked for, and the byte at which a syntax error was
// seen.
struct JsonFault {
  std::string reason;
  std::optional<size_t> offset;
};

inline constexpr int kJsonDepthMax = 64;

// Parses `text`, which must be one JSON value, into `value`: a fault is a syntax error, invalid
// UTF-8, a repeated key, nesting deeper than `depth_max`.
std::optional<JsonFault> read_json(std::string_view text, Json& value,
                                   int depth_max = kJsonDepthMax);
// The same; `what` names the text in the error, kCorrupt ("header of a.safetensors").
Result<Json> parse_json(std::string_view text, std::string_view what,
                        int depth_max = kJsonDepthMax);

// Members of `object`, or kCorrupt with `what` and the key. Integers must be written as integers.
Result<int64_t> json_integer(const Json& object, const char* key, std::string_view what);
Result<std::string> json_string(const Json& object, const char* key, std::string_view what);
Result<const Json*> json_array(const Json& object, const char* key, std::string_view what);
// The array of non-negative integers `value`.
Result<std::vector<int64_t>> json_sizes(const Json& value, std::string_view what);
// Every key of the object `value` is one of `keys`.
Status json_only_keys(const Json& value, std::initializer_list<std::string_view> keys,
                      std::string_view what);

// `text` as a JSON string, quoted and escaped; kInvalidArgument when it is not UTF-8.
Result<std::string> json_quoted(std::string_view text);

}  // namespace tutti
