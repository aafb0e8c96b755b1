// The keys of a config.json by type and range, with errors that name the file and the key. A key
// whose value is null counts as missing. Thread-safe: all are constant.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "models/config.h"

namespace tutti {

class HuggingFaceKeys {
 public:
  // Does not own `object`, which must be a JSON object. `path` is how errors begin.
  HuggingFaceKeys(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  // Null when the key is missing or null.
  const Json* find(std::string_view key) const;
  // Whether the key is there, and null.
  bool is_null(std::string_view key) const;

  // A count from `min` to `max`; without a fallback the key must be there.
  Result<int64_t> size(std::string_view key, int64_t max, std::optional<int64_t> fallback = {},
                       int64_t min = 1) const;
  // A finite number from `min` to `max`.
  Result<double> number(std::string_view key, std::optional<double> fallback, double min,
                        double max) const;
  Result<bool> boolean(std::string_view key, bool fallback) const;
  Result<std::string> string(std::string_view key, std::string_view fallback) const;
  // Whether layer_types has "sliding_attention" for each of `layers`; false when each has
  // "full_attention". Anything else is refused.
  Result<bool> all_layers_slide(int64_t layers) const;

  // `divisor` must divide `value`.
  Status divides(std::string_view divisor_name, int64_t divisor, std::string_view name,
                 int64_t value) const;
  Error unsupported(std::string_view key, const Json& got, std::string_view allowed) const;

  const Json& object() const { return object_; }
  const std::string& path() const { return path_; }

 private:
  Error wrong(std::string_view key, const Json& got, std::string_view expected) const;
  Error missing(std::string_view key) const;

  const Json& object_;
  std::string path_;
};

// theta and the scaling, from rope_parameters, or from rope_theta and rope_scaling. Of the types
// "default", "linear" and "llama3" are read.
Status parse_rope(const HuggingFaceKeys& keys, double& theta, RopeScaling& scaling);

}  // namespace tutti
