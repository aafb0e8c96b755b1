#include "base/json.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/json_error.h"
#include "base/utf8.h"

namespace tutti {

// Members in their order, which stay where they are while others come. Of more than a few, an
// open-addressing table finds that of a key.
class Json::Object {
 public:
  Object() = default;
  Object(const Object& other) : members_(other.members_) { index(); }
  Object& operator=(const Object&) = delete;

  const std::list<Member>& members() const { return members_; }

  Json* find(std::string_view key) {
    if (slots_.empty()) {
      const auto found = std::ranges::find(members_, key, &Member::key);
      return found == members_.end() ? nullptr : &found->value;
    }
    Member* const member = *slot_of(key);
    return member == nullptr ? nullptr : &member->value;
  }

  // Requires that the key is not there.
  Json& append(std::string key, Json value) {
    members_.push_back({std::move(key), std::move(value)});
    Member& member = members_.back();
    if (2 * members_.size() > slots_.size()) {
      index();
    } else {
      *slot_of(member.key) = &member;
    }
    return member.value;
  }

  void erase(std::string_view key) {
    std::erase_if(members_, [&](const Member& member) { return member.key == key; });
    index();
  }

 private:
  static constexpr size_t kScanned = 8;  // members that are faster to scan

  // The slot of the member with the key, or the empty one where it belongs.
  std::vector<Member*>::iterator slot_of(std::string_view key) {
    size_t slot = std::hash<std::string_view>()(key) & (slots_.size() - 1);
    while (slots_[slot] != nullptr && slots_[slot]->key != key) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    return slots_.begin() + static_cast<ptrdiff_t>(slot);
  }

  void index() {
    slots_.clear();
    if (members_.size() <= kScanned) return;
    slots_.resize(std::bit_ceil(4 * members_.size()), nullptr);
    for (Member& member : members_) *slot_of(member.key) = &member;
  }

  std::list<Member> members_;
  std::vector<Member*> slots_;  // a power of two of them
};

Json::Json() = default;
Json::Json(std::nullptr_t) {}
Json::Json(Scalar scalar) {
  std::visit([&](auto value) { value_ = value; }, scalar);
}
Json::Json(double value) : value_(value) {}
Json::Json(const char* text) : value_(std::string(text)) {}
Json::Json(std::string text) : value_(std::move(text)) {}
Json::Json(std::string_view text) : value_(std::string(text)) {}

Json::Json(std::initializer_list<Json> braces) {
  const bool pairs = std::ranges::all_of(braces, [](const Json& element) {
    return element.is_array() && element.size() == 2 && element[0].is_string();
  });
  if (pairs) {
    for (const Json& pair : braces) (*this)[pair[0].text()] = pair[1];
  } else {
    value_ = Array(braces);
  }
}

Json Json::array(std::initializer_list<Json> elements) {
  Json made;
  made.value_ = Array(elements);
  return made;
}

Json Json::object() {
  Json made;
  made.value_ = std::make_unique<Object>();
  return made;
}

Json::Json(const Json& other) {
  if (const Object* object = other.if_object()) {
    value_ = std::make_unique<Object>(*object);
    return;
  }
  std::visit(
      [&](const auto& value) {
        if constexpr (!std::is_same_v<decltype(value), const std::unique_ptr<Object>&>) {
          value_ = value;
        }
      },
      other.value_);
}

// Through a copy: `other` may be a part of this value.
Json& Json::operator=(const Json& other) { return *this = Json(other); }

Json::Json(Json&& other) noexcept = default;
Json& Json::operator=(Json&& other) noexcept = default;
Json::~Json() = default;

bool Json::is_null() const { return std::holds_alternative<std::monostate>(value_); }
bool Json::is_boolean() const { return std::holds_alternative<bool>(value_); }
bool Json::is_number() const {
  return is_count() || is_integer() || std::holds_alternative<double>(value_);
}
bool Json::is_integer() const {
  const uint64_t* count = std::get_if<uint64_t>(&value_);
  return count != nullptr ? *count <= INT64_MAX : std::holds_alternative<int64_t>(value_);
}
bool Json::is_count() const { return std::holds_alternative<uint64_t>(value_); }
bool Json::is_string() const { return std::holds_alternative<std::string>(value_); }
bool Json::is_array() const { return std::holds_alternative<Array>(value_); }
bool Json::is_object() const { return if_object() != nullptr; }

const char* Json::type_name() const {
  if (is_null()) return "null";
  if (is_boolean()) return "boolean";
  if (is_number()) return "number";
  if (is_string()) return "string";
  return is_array() ? "array" : "object";
}

template <>
bool Json::get() const {
  TUTTI_CHECK(is_boolean(), "a {} read as a boolean", type_name());
  return std::get<bool>(value_);
}

template <>
int64_t Json::get() const {
  TUTTI_CHECK(is_integer(), "a {} read as an integer", type_name());
  if (const int64_t* negative = std::get_if<int64_t>(&value_)) return *negative;
  return static_cast<int64_t>(std::get<uint64_t>(value_));
}

template <>
int32_t Json::get() const {
  const auto value = get<int64_t>();
  TUTTI_CHECK(value >= INT32_MIN && value <= INT32_MAX, "{} read as an integer of 32 bits", value);
  return static_cast<int32_t>(value);
}

template <>
uint64_t Json::get() const {
  TUTTI_CHECK(is_count(), "a {} read as a count", type_name());
  return std::get<uint64_t>(value_);
}

template <>
double Json::get() const {
  TUTTI_CHECK(is_number(), "a {} read as a number", type_name());
  if (const double* real = std::get_if<double>(&value_)) return *real;
  if (is_count()) return static_cast<double>(std::get<uint64_t>(value_));
  return static_cast<double>(std::get<int64_t>(value_));
}

const std::string& Json::text() const {
  TUTTI_CHECK(is_string(), "a {} read as a string", type_name());
  return std::get<std::string>(value_);
}

template <>
std::string Json::get() const {
  return text();
}

size_t Json::size() const {
  if (const Object* object = if_object()) return object->members().size();
  return static_cast<size_t>(end() - begin());
}

const Json* Json::begin() const {
  const Array* elements = std::get_if<Array>(&value_);
  return elements == nullptr ? nullptr : elements->data();
}

const Json* Json::end() const {
  const Array* elements = std::get_if<Array>(&value_);
  return elements == nullptr ? nullptr : elements->data() + elements->size();
}

const Json& Json::element(size_t index) const {
  TUTTI_CHECK(is_array() && index < size(), "element {} of {} of a {}", index, size(), type_name());
  return begin()[index];
}

void Json::push_back(Json element) { as_array().push_back(std::move(element)); }

const std::list<Json::Member>& Json::members() const {
  static const std::list<Member> kNone;
  const Object* object = if_object();
  return object == nullptr ? kNone : object->members();
}

const Json* Json::find(std::string_view key) const {
  return is_object() ? std::get<std::unique_ptr<Object>>(value_)->find(key) : nullptr;
}

const Json& Json::operator[](std::string_view key) const {
  const Json* found = find(key);
  TUTTI_CHECK(found != nullptr, "key \"{}\" of a {} that has none such", key, type_name());
  return *found;
}

Json& Json::operator[](std::string_view key) {
  Object& object = as_object();
  Json* found = object.find(key);
  return found != nullptr ? *found : object.append(std::string(key), Json());
}

void Json::erase(std::string_view key) { as_object().erase(key); }

const Json::Object* Json::if_object() const {
  const auto* object = std::get_if<std::unique_ptr<Object>>(&value_);
  return object == nullptr ? nullptr : object->get();
}

Json::Object& Json::as_object() {
  if (is_null()) *this = object();
  TUTTI_CHECK(is_object(), "a {} used as an object", type_name());
  return *std::get<std::unique_ptr<Object>>(value_);
}

Json::Array& Json::as_array() {
  if (is_null()) *this = array();
  TUTTI_CHECK(is_array(), "a {} used as an array", type_name());
  return std::get<Array>(value_);
}

bool operator==(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number() && a.value_.index() != b.value_.index()) {
    return a.get<double>() == b.get<double>();
  }
  if (a.is_object() && b.is_object()) {
    return a.size() == b.size() && std::ranges::all_of(a.members(), [&](const auto& member) {
             const Json* other = b.find(member.key);
             return other != nullptr && *other == member.value;
           });
  }
  return a.value_ == b.value_;
}

namespace {

using Library = nlohmann::ordered_json;

Library to_library(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_count()) return value.get<uint64_t>();
  if (value.is_integer()) return value.get<int64_t>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.text();
  if (value.is_array()) {
    Library::array_t elements;
    elements.reserve(value.size());
    for (const Json& element : value) elements.push_back(to_library(element));
    return elements;
  }
  if (!value.is_object()) return nullptr;
  // Appended as to the vector it is: its own insertion would first look for the key, one by one.
  Library::object_t object;
  auto& members = static_cast<std::vector<Library::object_t::value_type>&>(object);
  members.reserve(value.size());
  for (const auto& [key, member] : value.members()) members.emplace_back(key, to_library(member));
  return object;
}

std::string text_of(const Library& value, int indent) {
  return value.dump(indent, ' ', false, Library::error_handler_t::replace);
}

// Takes the parser's events; a method returns false to stop it.
class ValueBuilder {
 public:
  explicit ValueBuilder(int depth_max) : depth_max_(depth_max) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(int64_t value) { return add(value); }
  bool number_unsigned(uint64_t value) { return add(value); }
  bool number_float(double value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(std::vector<uint8_t>&) { return stop("not JSON: binary data"); }
  bool key(std::string& name) {
    if (open_.back().value.contains(name)) {
      return stop(fmt::format("key \"{}\" occurs twice", name));
    }
    open_.back().key = std::move(name);
    return true;
  }
  bool start_object(size_t) { return enter(Json::object()); }
  bool start_array(size_t) { return enter(Json::array()); }
  bool end_object() { return leave(); }
  bool end_array() { return leave(); }
  bool parse_error(size_t position, const std::string&, const Library::exception& failure) {
    offset = position > 0 ? position - 1 : 0;
    return stop(fmt::format("not JSON: {}", json_error_reason(failure.what())));
  }

  Json value;
  std::string reason;  // not empty once the parser was stopped
  std::optional<size_t> offset;

 private:
  struct Open {
    Json value;
    std::string key;  // of the member whose value comes next
  };

  bool add(Json made) {
    if (open_.empty()) {
      value = std::move(made);
    } else if (Open& parent = open_.back(); parent.value.is_array()) {
      parent.value.push_back(std::move(made));
    } else {
      parent.value[parent.key] = std::move(made);
    }
    return true;
  }

  bool enter(Json made) {
    if (std::ssize(open_) == depth_max_) {
      return stop(fmt::format("nested deeper than {} levels", depth_max_));
    }
    open_.push_back({std::move(made), ""});
    return true;
  }

  bool leave() {
    Json made = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(made));
  }

  bool stop(std::string why) {
    reason = std::move(why);
    return false;
  }

  int depth_max_;
  std::vector<Open> open_;
};

Result<const Json*> member(const Json& object, const char* key, std::string_view what) {
  if (!object.is_object()) {
    return corrupt("{}: got {}, expected an object", what, object.type_name());
  }
  const Json* found = object.find(key);
  if (found == nullptr) return corrupt("{}: key \"{}\" is missing", what, key);
  return found;
}

}  // namespace

std::string Json::dump(int indent) const { return text_of(to_library(*this), indent); }

void PrintTo(const Json& value, std::ostream* out) { *out << value.dump(); }

std::optional<JsonFault> read_json(std::string_view text, Json& value, int depth_max) {
  ValueBuilder builder(depth_max);
  if (!Library::sax_parse(text, &builder)) return JsonFault{builder.reason, builder.offset};
  value = std::move(builder.value);
  return {};
}

Result<Json> parse_json(std::string_view text, std::string_view what, int depth_max) {
  Json value;
  const std::optional<JsonFault> fault = read_json(text, value, depth_max);
  if (!fault) return value;
  if (!fault->offset) return corrupt("{}: {}", what, fault->reason);
  return corrupt("{}: {} (offset {})", what, fault->reason, *fault->offset);
}

Result<int64_t> json_integer(const Json& object, const char* key, std::string_view what) {
  TUTTI_ASSIGN(const Json* value, member(object, key, what));
  if (!value->is_integer()) {
    return corrupt("{}: \"{}\" is {}, expected a 64-bit integer", what, key, value->dump());
  }
  return value->get<int64_t>();
}

Result<std::string> json_string(const Json& object, const char* key, std::string_view what) {
  TUTTI_ASSIGN(const Json* value, member(object, key, what));
  if (!value->is_string()) {
    return corrupt("{}: \"{}\" is of type {}, expected a string", what, key, value->type_name());
  }
  return value->text();
}

Result<const Json*> json_array(const Json& object, const char* key, std::string_view what) {
  TUTTI_ASSIGN(const Json* value, member(object, key, what));
  if (!value->is_array()) {
    return corrupt("{}: \"{}\" is of type {}, expected an array", what, key, value->type_name());
  }
  return value;
}

Result<std::vector<int64_t>> json_sizes(const Json& value, std::string_view what) {
  if (!value.is_array()) {
    return corrupt("{}: got {}, expected an array of integers", what, value.type_name());
  }
  std::vector<int64_t> sizes;
  sizes.reserve(value.size());
  for (const Json& size : value) {
    if (!size.is_count() || !size.is_integer()) {
      return corrupt("{}: element {} is {}, expected an integer from 0 to 2^63 - 1", what,
                     sizes.size(), size.dump());
    }
    sizes.push_back(size.get<int64_t>());
  }
  return sizes;
}

Status json_only_keys(const Json& value, std::initializer_list<std::string_view> keys,
                      std::string_view what) {
  if (!value.is_object()) {
    return corrupt("{}: got {}, expected an object", what, value.type_name());
  }
  for (const auto& [key, unused] : value.members()) {
    if (std::ranges::find(keys, key) == keys.end()) {
      return corrupt("{}: unknown key \"{}\", expected {}", what, key, fmt::join(keys, ", "));
    }
  }
  return {};
}

Result<std::string> json_quoted(std::string_view text) {
  if (!is_utf8(text)) {
    return invalid("the name {} is not UTF-8",
                   Library(text).dump(-1, ' ', true, Library::error_handler_t::replace));
  }
  return text_of(text, -1);
}

}  // namespace tutti
