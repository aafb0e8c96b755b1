#include "data/chat_layout.h"

#include "data/control_tokens.h"

namespace tutti {

ChatLayout::ChatLayout(const Tokenizer& tokenizer) {
  const auto end_of_text = tokenizer.end_of_text();
  TUTTI_CHECK(end_of_text.has_value(), "a tokenizer without an end-of-text token");
  end_of_text_ = end_of_text->id;
  const auto id = [&](std::string_view content) {
    return tokenizer.added_token(content).value_or(-1);
  };
  constexpr ChatTokens kMl = kChatMlTokens, kLlama = kLlama3Tokens;
  if (id(kMl.open) >= 0 && id(kMl.close) >= 0) {
    kind_ = Kind::kChatMl;
    open_ = id(kMl.open);
    close_ = id(kMl.close);
  } else if (id(kLlama.open) >= 0 && id(kLlama.header_end) >= 0 && id(kLlama.close) >= 0) {
    kind_ = Kind::kLlama3;
    begin_ = id(kLlama.begin);
    open_ = id(kLlama.open);
    header_end_ = id(kLlama.header_end);
    close_ = id(kLlama.close);
  }
}

void ChatLayout::add(const ChatMessage& message, std::vector<ChatPart>& parts) const {
  const bool learned = message.learned;
  switch (kind_) {
    case Kind::kChatMl:
      parts.push_back({"", open_, false});
      parts.push_back({message.role + "\n"});
      parts.push_back({message.content, -1, learned});
      parts.push_back({"", close_, learned});
      parts.push_back({"\n"});
      break;
    case Kind::kLlama3:
      parts.push_back({"", open_, false});
      parts.push_back({message.role});
      parts.push_back({"", header_end_, false});
      parts.push_back({"\n\n"});
      parts.push_back({message.content, -1, learned});
      parts.push_back({"", close_, learned});
      break;
    case Kind::kPlain:
      parts.push_back({"### " + message.role + "\n"});
      parts.push_back({message.content, -1, learned});
      if (learned) parts.push_back({"", end_of_text_, true});
      parts.push_back({"\n\n"});
      break;
  }
}

std::vector<ChatPart> ChatLayout::parts(const ChatExample& example) const {
  std::vector<ChatPart> parts;
  if (!example.has_roles) {
    for (const ChatMessage& message : example.messages) {
      parts.push_back({message.content, -1, message.learned});
    }
    parts.push_back({"", end_of_text_, true});
    return parts;
  }
  if (begin_ >= 0) parts.push_back({"", begin_, false});
  for (const ChatMessage& message : example.messages) add(message, parts);
  if (kind_ != Kind::kPlain) {
    parts.push_back(
        {"", end_of_text_, false});  // the model stops at the token that closes its turn
    return parts;
  }
  parts.pop_back();  // the line breaks behind the last message
  if (parts.back().token != end_of_text_) parts.push_back({"", end_of_text_, false});
  return parts;
}

}  // namespace tutti
