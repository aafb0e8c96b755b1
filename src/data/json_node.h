// A value within a JSON document and where it is, so that errors can say so. Refers to the
// document, which must outlive it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace tutti {

struct JsonNode {
  const Json& value;
  std::string path;  // "model.merges[3]"; empty for the document itself

  // Whether the key is there with a value other than null. Of what is no object: false.
  bool has(const char* key) const;
  // Requires has(key).
  JsonNode at(const char* key) const;
  // Requires an array with more than i elements.
  JsonNode at(size_t i) const { return {value[i], fmt::format("{}[{}]", path, i)}; }
  std::string path_of(std::string_view key) const;

  // "path: expected …, got …".
  Error wrong(std::string_view expected) const;

  Result<std::string> text(const char* key) const;
  Result<std::string> text_not_empty(const char* key) const;
  // `otherwise` when the key is missing or null.
  Result<bool> flag(const char* key, bool otherwise) const;
  // A number of 0 to 2^31 - 1.
  Result<int32_t> count(const char* key) const;
  // The elements of the array at `key`, which must be there; at most `most` of them.
  Result<std::vector<JsonNode>> list(const char* key, size_t most) const;
  // The text at "type" of an object.
  Result<std::string> type() const;
  // "path.type: 'X' is not supported (… are)".
  Error unsupported(std::string_view type, std::string_view supported) const;
};

}  // namespace tutti
