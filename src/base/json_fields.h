// The members of a JSON object as the fields of a struct. What is missing or of another type leaves
// its field and is an error, kCorrupt, of which the first is kept: check it behind the last field.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/status.h"

namespace tutti {

// Object and status must outlive it.
class JsonFields {
 public:
  // `path` is what errors put before a key: "data/dataset.json: ".
  JsonFields(const Json& object, std::string path, Status& status)
      : object_(object), path_(std::move(path)), status_(status) {}

  void read(const char* key, std::string& out) const;
  void read(const char* key, bool& out) const;
  void read(const char* key, double& out) const;
  // Integers are counts: not negative.
  void read(const char* key, int32_t& out) const;
  void read(const char* key, int64_t& out) const;
  void read(const char* key, uint64_t& out) const;
  // A field that may be missing.
  template <typename T>
  void read_optional(const char* key, T& out) const {
    if (object_.contains(key)) read(key, out);
  }
  // The fields of a member that is an object.
  JsonFields inner(const char* key) const;

 private:
  // Null when it is missing or of another type.
  const Json* find(const char* key, bool (Json::*is_type)() const, const char* expected) const;
  void fail(const char* key, const char* expected) const;

  const Json& object_;
  std::string path_;
  Status& status_;
};

}  // namespace tutti
