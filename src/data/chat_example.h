// One example of supervised fine-tuning: a line of JSON, either
//
//   {"prompt": "2 + 2 =", "completion": " 4"}
//   {"messages": [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]}
//
// Other fields are not looked at. What is learned from: the completion, or all that the role
// "assistant" says. Thread-safe: no state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/json_field.h"

namespace tutti {

struct ChatMessage {
  std::string role;
  std::string content;
  bool learned = false;
};

struct ChatExample {
  // Of a prompt and its completion two messages without a role.
  std::vector<ChatMessage> messages;
  bool has_roles = false;
};

// Errors name the place and the field: one that is missing or of another type, an example of both
// kinds or of neither, and one with nothing to learn from.
Result<ChatExample> parse_chat_example(std::string_view json, const JsonPlace& place);

// What was said, a line break between messages.
std::string chat_text(const ChatExample& example);

}  // namespace tutti
