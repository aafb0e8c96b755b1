#include "models/hugging_face_tokens.h"

#include <algorithm>

namespace tutti {
namespace {

constexpr const char* kKey = "eos_token_id";

// An id that no token can have (some files say -1) ends nothing.
Status append_token(const Json& value, std::string_view path, std::vector<int32_t>& tokens) {
  if (!value.is_integer()) {
    return corrupt("{}: {} holds {}, expected a token id, a list of them or null", path, kKey,
                   value.dump());
  }
  const auto id = value.get<int64_t>();
  if (id >= 0 && id <= INT32_MAX) tokens.push_back(static_cast<int32_t>(id));
  return {};
}

Result<std::vector<int32_t>> tokens_of(const Json& object, std::string_view path) {
  std::vector<int32_t> tokens;
  const Json* found = object.find(kKey);
  if (found == nullptr || found->is_null()) return tokens;
  if (!found->is_array()) {
    TUTTI_TRY(append_token(*found, path, tokens));
    return tokens;
  }
  for (const Json& value : *found) TUTTI_TRY(append_token(value, path, tokens));
  return tokens;
}

}  // namespace

Result<std::vector<int32_t>> hugging_face_end_tokens(std::string_view json, std::string_view path) {
  TUTTI_ASSIGN(const Json object, parse_json(json, path));
  return tokens_of(object, path);
}

Status add_hugging_face_end_tokens(Json& object, std::span<const int32_t> tokens,
                                   std::string_view path) {
  TUTTI_ASSIGN(std::vector<int32_t> all, tokens_of(object, path));
  const size_t before = all.size();
  for (const int32_t token : tokens) {
    if (std::ranges::find(all, token) == all.end()) all.push_back(token);
  }
  if (all.size() > before) object[kKey] = all.size() == 1 ? Json(all.front()) : Json(all);
  return {};
}

Result<std::string> with_hugging_face_end_tokens(std::string_view json,
                                                 std::span<const int32_t> tokens,
                                                 std::string_view path) {
  TUTTI_ASSIGN(Json object, parse_json(json, path));
  if (!object.is_object()) return corrupt("{}: not a JSON object", path);
  const Json before = object;
  TUTTI_TRY(add_hugging_face_end_tokens(object, tokens, path));
  return object == before ? std::string(json) : object.dump(2) + "\n";
}

}  // namespace tutti
