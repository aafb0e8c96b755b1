#include "base/strict_json.h"

#include <algorithm>
#include <set>

namespace tutti {

namespace {

using nlohmann::json;

// Watches the parser for what nlohmann accepts and these formats do not. It is told of events only
// after the fact, so the first fault is kept and everything after it is discarded.
class StructureWatch {
 public:
  explicit StructureWatch(int depth_max) : depth_max_(depth_max) {}

  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    if (!fault_.empty()) return false;
    if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
      if (depth >= depth_max_) {
        fault_ = fmt::format("nested deeper than {} levels", depth_max_);
        return false;
      }
    }
    if (event == json::parse_event_t::object_start) keys_.emplace_back();
    if (event == json::parse_event_t::object_end) keys_.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) fault_ = fmt::format("key \"{}\" occurs twice", key);
    }
    return fault_.empty();
  }

  const std::string& fault() const { return fault_; }

 private:
  int depth_max_;
  std::string fault_;
  std::vector<std::set<std::string>> keys_;  // of each object that is open
};

Result<const json*> member(const json& object, const char* key, std::string_view what) {
  if (!object.is_object()) {
    return corrupt("{}: got {}, expected an object", what, object.type_name());
  }
  const auto found = object.find(key);
  if (found == object.end()) return corrupt("{}: key \"{}\" is missing", what, key);
  return &*found;
}

}  // namespace

Result<json> parse_strict_json(std::string_view text, std::string_view what, int depth_max) {
  StructureWatch watch(depth_max);
  const json::parser_callback_t callback = [&](int depth, json::parse_event_t event, json& parsed) {
    return watch(depth, event, parsed);
  };
  try {
    json parsed = json::parse(text.begin(), text.end(), callback);
    if (!watch.fault().empty()) return corrupt("{}: {}", what, watch.fault());
    return parsed;
  } catch (const json::exception& failure) {
    if (!watch.fault().empty()) return corrupt("{}: {}", what, watch.fault());
    return corrupt("{}: not valid JSON: {}", what, failure.what());
  }
}

Result<int64_t> json_integer(const json& object, const char* key, std::string_view what) {
  TUTTI_ASSIGN(const json* value, member(object, key, what));
  const bool too_large = value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX;
  if (!value->is_number_integer() || too_large) {
    return corrupt("{}: \"{}\" is {}, expected a 64-bit integer", what, key, value->dump());
  }
  return value->get<int64_t>();
}

Result<std::string> json_string(const json& object, const char* key, std::string_view what) {
  TUTTI_ASSIGN(const json* value, member(object, key, what));
  if (!value->is_string()) {
    return corrupt("{}: \"{}\" is of type {}, expected a string", what, key, value->type_name());
  }
  return value->get<std::string>();
}

Result<const json*> json_array(const json& object, const char* key, std::string_view what) {
  TUTTI_ASSIGN(const json* value, member(object, key, what));
  if (!value->is_array()) {
    return corrupt("{}: \"{}\" is of type {}, expected an array", what, key, value->type_name());
  }
  return value;
}

Result<std::vector<int64_t>> json_sizes(const json& value, std::string_view what) {
  if (!value.is_array()) {
    return corrupt("{}: got {}, expected an array of integers", what, value.type_name());
  }
  std::vector<int64_t> sizes;
  sizes.reserve(value.size());
  for (const json& size : value) {
    if (!size.is_number_unsigned() || size.get<uint64_t>() > INT64_MAX) {
      return corrupt("{}: element {} is {}, expected an integer from 0 to 2^63 - 1", what,
                     sizes.size(), size.dump());
    }
    sizes.push_back(size.get<int64_t>());
  }
  return sizes;
}

Status json_only_keys(const json& value, std::initializer_list<std::string_view> keys,
                      std::string_view what) {
  if (!value.is_object()) {
    return corrupt("{}: got {}, expected an object", what, value.type_name());
  }
  for (const auto& [key, unused] : value.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      return corrupt("{}: unknown key \"{}\", expected {}", what, key, fmt::join(keys, ", "));
    }
  }
  return {};
}

Result<std::string> json_quoted(std::string_view text) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    return invalid("the name {} is not UTF-8",
                   json(text).dump(-1, ' ', true, json::error_handler_t::replace));
  }
}

}  // namespace tutti
