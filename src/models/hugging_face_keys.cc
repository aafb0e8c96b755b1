#include "models/hugging_face_keys.h"

#include <algorithm>
#include <cmath>

namespace tutti {
namespace {

// A value in an error: a long one is cut, because all errors are one line.
std::string shown(const Json& value) {
  std::string text = value.dump();
  if (text.size() <= 80) return text;
  text.resize(77);
  text += "...";
  return text;
}

constexpr std::string_view kRopeKeys[] = {"rope_type",
                                          "type",
                                          "rope_theta",
                                          "factor",
                                          "low_freq_factor",
                                          "high_freq_factor",
                                          "original_max_position_embeddings",
                                          "partial_rotary_factor"};

Status parse_llama3(const HuggingFaceKeys& keys, RopeScaling& scaling) {
  TUTTI_ASSIGN(scaling.low_freq_factor, keys.number("low_freq_factor", {}, 1e-9, 1e6));
  TUTTI_ASSIGN(scaling.high_freq_factor, keys.number("high_freq_factor", {}, 1e-9, 1e6));
  TUTTI_ASSIGN(scaling.original_context, keys.size("original_max_position_embeddings", 1 << 24));
  if (scaling.low_freq_factor < scaling.high_freq_factor) return {};
  return corrupt("{}: low_freq_factor = {} is not below high_freq_factor = {}", keys.path(),
                 scaling.low_freq_factor, scaling.high_freq_factor);
}

// An object of rope_scaling or rope_parameters.
Status parse_scaling(const HuggingFaceKeys& keys, RopeScaling& scaling) {
  for (const auto& [key, value] : keys.object().members()) {
    if (value.is_null() || std::ranges::count(kRopeKeys, key) > 0) continue;
    return keys.unsupported(key, value, "no such key");
  }
  TUTTI_ASSIGN(const double rotated, keys.number("partial_rotary_factor", 1.0, 0, 1));
  if (rotated != 1) return keys.unsupported("partial_rotary_factor", rotated, "1");
  TUTTI_ASSIGN(const std::string old_type, keys.string("type", "default"));
  TUTTI_ASSIGN(const std::string type, keys.string("rope_type", old_type));
  if (type == "default") return {};
  if (type != "linear" && type != "llama3") {
    return keys.unsupported("rope_type", type, "default, linear, llama3");
  }
  TUTTI_ASSIGN(scaling.factor, keys.number("factor", {}, 1, 1e6));
  scaling.type = type == "linear" ? RopeScalingType::kLinear : RopeScalingType::kLlama3;
  return type == "linear" ? Status() : parse_llama3(keys, scaling);
}

}  // namespace

const Json* HuggingFaceKeys::find(std::string_view key) const {
  const Json* found = object_.find(key);
  return found == nullptr || found->is_null() ? nullptr : &*found;
}

bool HuggingFaceKeys::is_null(std::string_view key) const {
  const Json* found = object_.find(key);
  return found != nullptr && found->is_null();
}

Error HuggingFaceKeys::wrong(std::string_view key, const Json& got,
                             std::string_view expected) const {
  return corrupt("{}: {} is {}, expected {}", path_, key, shown(got), expected);
}

Error HuggingFaceKeys::missing(std::string_view key) const {
  return corrupt("{}: key \"{}\" is missing", path_, key);
}

Error HuggingFaceKeys::unsupported(std::string_view key, const Json& got,
                                   std::string_view allowed) const {
  return invalid("{}: {} = {} is not supported, expected {}", path_, key, shown(got), allowed);
}

Result<int64_t> HuggingFaceKeys::size(std::string_view key, int64_t max,
                                      std::optional<int64_t> fallback, int64_t min) const {
  const Json* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr) return missing(key);
  const int64_t count = value->is_integer() ? value->get<int64_t>() : -1;
  if (count < min || count > max) {
    return wrong(key, *value, fmt::format("an integer from {} to {}", min, max));
  }
  return count;
}

Result<double> HuggingFaceKeys::number(std::string_view key, std::optional<double> fallback,
                                       double min, double max) const {
  const Json* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr) return missing(key);
  const double number = value->is_number() ? value->get<double>() : NAN;
  if (!(number >= min && number <= max)) {
    return wrong(key, *value, fmt::format("a number from {} to {}", min, max));
  }
  return number;
}

Result<bool> HuggingFaceKeys::boolean(std::string_view key, bool fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) return wrong(key, *value, "true or false");
  return value->get<bool>();
}

Result<std::string> HuggingFaceKeys::string(std::string_view key, std::string_view fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) return wrong(key, *value, "a string");
  return value->get<std::string>();
}

Result<bool> HuggingFaceKeys::all_layers_slide(int64_t layers) const {
  const Json* types = find("layer_types");
  if (types == nullptr || !types->is_array() || std::ssize(*types) != layers) {
    return wrong("layer_types", types == nullptr ? Json() : *types,
                 fmt::format("a list of {} types", layers));
  }
  const auto all = [&](const char* type) {
    return std::all_of(types->begin(), types->end(),
                       [&](const Json& layer) { return layer == type; });
  };
  if (all("sliding_attention")) return true;
  if (all("full_attention")) return false;
  return unsupported("layer_types", *types, "one type for all layers");
}

Status HuggingFaceKeys::divides(std::string_view divisor_name, int64_t divisor,
                                std::string_view name, int64_t value) const {
  if (value % divisor == 0) return {};
  return corrupt("{}: {} = {} is not a multiple of {} = {}", path_, name, value, divisor_name,
                 divisor);
}

Status parse_rope(const HuggingFaceKeys& keys, double& theta, RopeScaling& scaling) {
  TUTTI_ASSIGN(theta, keys.number("rope_theta", 10000.0, 1, 1e12));
  const Json* parameters = keys.find("rope_parameters");
  const Json* old = keys.find("rope_scaling");
  if (parameters != nullptr && old != nullptr && *parameters != *old) {
    return keys.unsupported("rope_scaling", *old, "one of rope_parameters and rope_scaling");
  }
  const Json* object = parameters != nullptr ? parameters : old;
  if (object == nullptr) return {};
  const std::string_view name = parameters != nullptr ? "rope_parameters" : "rope_scaling";
  if (!object->is_object()) return keys.unsupported(name, *object, "an object");
  const HuggingFaceKeys inner(*object, fmt::format("{}: {}", keys.path(), name));
  TUTTI_ASSIGN(theta, inner.number("rope_theta", theta, 1, 1e12));
  TUTTI_TRY(parse_scaling(inner, scaling));
  if (scaling.factor == 1) scaling = RopeScaling();  // off: nothing else of it counts
  return {};
}

}  // namespace tutti
