#include "data/chat_example.h"

#include "base/json.h"

namespace tutti {
namespace {

constexpr const char* kLearnedRole = "assistant";

Status parse_object(std::string_view text, const JsonPlace& place, Json& json) {
  if (const auto fault = read_json(text, json)) {
    return corrupt("{}:{}: {} (offset {})", place.path, place.line, fault->reason,
                   place.offset + fault->offset.value_or(0));
  }
  if (json.is_object()) return Status();
  return corrupt("{}:{}: expected an object, got {} (offset {})", place.path, place.line,
                 json.type_name(), place.offset);
}

// The string `key` of `object`; `name` is what errors call it.
Result<std::string> string_at(const Json& object, const char* key, const std::string& name,
                              const JsonPlace& place) {
  const Json* found = object.find(key);
  if (found != nullptr && found->is_string()) return found->get<std::string>();
  return corrupt("{}:{}: {}: expected a string, got {} (in the object at offset {})", place.path,
                 place.line, name, found == nullptr ? "no such field" : found->type_name(),
                 place.offset);
}

Result<ChatExample> read_completion(const Json& json, const JsonPlace& place) {
  ChatExample example;
  TUTTI_ASSIGN(std::string prompt, string_at(json, "prompt", "prompt", place));
  TUTTI_ASSIGN(std::string completion, string_at(json, "completion", "completion", place));
  if (completion.empty()) {
    return corrupt("{}:{}: completion is empty: nothing to learn from", place.path, place.line);
  }
  example.messages.push_back({"", std::move(prompt), false});
  example.messages.push_back({"", std::move(completion), true});
  return example;
}

Result<ChatExample> read_messages(const Json& messages, const JsonPlace& place) {
  if (!messages.is_array()) {
    return corrupt("{}:{}: messages: expected an array, got {} (in the object at offset {})",
                   place.path, place.line, messages.type_name(), place.offset);
  }
  ChatExample example;
  example.has_roles = true;
  bool any_learned = false;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string name = fmt::format("messages[{}]", i);
    if (!messages[i].is_object()) {
      return corrupt("{}:{}: {}: expected an object, got {} (in the object at offset {})",
                     place.path, place.line, name, messages[i].type_name(), place.offset);
    }
    ChatMessage message;
    TUTTI_ASSIGN(message.role, string_at(messages[i], "role", name + ".role", place));
    TUTTI_ASSIGN(message.content, string_at(messages[i], "content", name + ".content", place));
    message.learned = message.role == kLearnedRole;
    any_learned |= message.learned && !message.content.empty();
    example.messages.push_back(std::move(message));
  }
  if (any_learned) return example;
  return corrupt("{}:{}: nothing to learn from: no message of the role \"{}\" says anything",
                 place.path, place.line, kLearnedRole);
}

}  // namespace

Result<ChatExample> parse_chat_example(std::string_view text, const JsonPlace& place) {
  Json json;
  TUTTI_TRY(parse_object(text, place, json));
  const bool has_messages = json.contains("messages");
  const bool has_completion = json.contains("prompt") || json.contains("completion");
  if (has_messages && has_completion) {
    return corrupt("{}:{}: both messages and prompt or completion: expected one kind", place.path,
                   place.line);
  }
  if (has_messages) return read_messages(json["messages"], place);
  if (has_completion) return read_completion(json, place);
  return corrupt("{}:{}: expected messages, or prompt and completion (in the object at offset {})",
                 place.path, place.line, place.offset);
}

std::string chat_text(const ChatExample& example) {
  std::string text;
  for (const ChatMessage& message : example.messages) {
    if (!text.empty()) text += '\n';
    text += message.content;
  }
  return text;
}

}  // namespace tutti
