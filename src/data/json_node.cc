#include "data/json_node.h"

namespace tutti {

bool JsonNode::has(const char* key) const {
  return value.is_object() && value.contains(key) && !value[key].is_null();
}

JsonNode JsonNode::at(const char* key) const { return {value[key], path_of(key)}; }

std::string JsonNode::path_of(std::string_view key) const {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

Error JsonNode::wrong(std::string_view expected) const {
  const std::string where = path.empty() ? "" : path + ": ";
  return corrupt("{}expected {}, got {}", where, expected, value.type_name());
}

Result<std::string> JsonNode::text(const char* key) const {
  if (!has(key)) return corrupt("{}: missing", path_of(key));
  const JsonNode child = at(key);
  if (!child.value.is_string()) return child.wrong("a string");
  return child.value.get<std::string>();
}

Result<std::string> JsonNode::text_not_empty(const char* key) const {
  TUTTI_ASSIGN(std::string found, text(key));
  if (found.empty()) return corrupt("{}: empty", path_of(key));
  return found;
}

Result<bool> JsonNode::flag(const char* key, bool otherwise) const {
  if (!has(key)) return otherwise;
  const JsonNode child = at(key);
  if (!child.value.is_boolean()) return child.wrong("true or false");
  return child.value.get<bool>();
}

Result<int32_t> JsonNode::count(const char* key) const {
  if (!has(key)) return corrupt("{}: missing", path_of(key));
  const JsonNode child = at(key);
  if (!child.value.is_integer()) return child.wrong("a whole number");
  const auto number = child.value.get<int64_t>();
  if (number < 0 || number > INT32_MAX) {
    return corrupt("{}: {} is not in 0 to {}", child.path, number, INT32_MAX);
  }
  return static_cast<int32_t>(number);
}

Result<std::vector<JsonNode>> JsonNode::list(const char* key, size_t most) const {
  if (!has(key)) return corrupt("{}: missing", path_of(key));
  const JsonNode child = at(key);
  if (!child.value.is_array()) return child.wrong("an array");
  if (child.value.size() > most) {
    return invalid("{}: {} elements, at most {} are allowed", child.path, child.value.size(), most);
  }
  std::vector<JsonNode> nodes;
  for (size_t i = 0; i < child.value.size(); ++i) nodes.push_back(child.at(i));
  return nodes;
}

Result<std::string> JsonNode::type() const {
  if (!value.is_object()) return wrong("an object");
  return text("type");
}

Error JsonNode::unsupported(std::string_view type, std::string_view supported) const {
  return invalid("{}: '{}' is not supported ({})", path_of("type"), type, supported);
}

}  // namespace tutti
