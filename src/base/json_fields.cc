#include "base/json_fields.h"

namespace tutti {

void JsonFields::read(const char* key, std::string& out) const {
  if (const Json* value = find(key, &Json::is_string, "a string")) out = value->get<std::string>();
}

void JsonFields::read(const char* key, bool& out) const {
  if (const Json* value = find(key, &Json::is_boolean, "a boolean")) out = value->get<bool>();
}

void JsonFields::read(const char* key, double& out) const {
  if (const Json* value = find(key, &Json::is_number, "a number")) out = value->get<double>();
}

void JsonFields::read(const char* key, int32_t& out) const {
  int64_t wide = out;
  read(key, wide);
  if (wide > INT32_MAX) return fail(key, "a smaller number");
  out = static_cast<int32_t>(wide);
}

void JsonFields::read(const char* key, int64_t& out) const {
  const Json* value = find(key, &Json::is_integer, "a count");
  if (value == nullptr) return;
  if (value->get<int64_t>() < 0) return fail(key, "a count");
  out = value->get<int64_t>();
}

void JsonFields::read(const char* key, uint64_t& out) const {
  if (const Json* value = find(key, &Json::is_count, "a count")) out = value->get<uint64_t>();
}

JsonFields JsonFields::inner(const char* key) const {
  static const Json kNone;
  const Json* value = find(key, &Json::is_object, "an object");
  return {value == nullptr ? kNone : *value, path_ + key + ".", status_};
}

const Json* JsonFields::find(const char* key, bool (Json::*is_type)() const,
                             const char* expected) const {
  const Json* found = object_.find(key);
  if (found != nullptr && (found->*is_type)()) return found;
  fail(key, expected);
  return nullptr;
}

void JsonFields::fail(const char* key, const char* expected) const {
  if (status_.ok()) status_ = corrupt("{}{}: expected {}", path_, key, expected);
}

}  // namespace tutti
