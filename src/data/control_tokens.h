// The added tokens that structure what a model reads, by their spelling. A tokenizer whose file
// does not call them special still never finds them in text from outside (EncodeOptions).
#pragma once

#include <array>
#include <string_view>

namespace tutti {

// The first of them that a tokenizer has ends its documents.
inline constexpr auto kEndOfTextTokens =
    std::to_array<std::string_view>({"<|endoftext|>", "<|end_of_text|>", "</s>"});

// Of a layout of chats (chat_layout.h).
struct ChatTokens {
  std::string_view begin;       // of a row
  std::string_view open;        // before a role
  std::string_view header_end;  // behind it
  std::string_view close;       // of a message
};
inline constexpr ChatTokens kChatMlTokens = {"", "<|im_start|>", "", "<|im_end|>"};
inline constexpr ChatTokens kLlama3Tokens = {"<|begin_of_text|>", "<|start_header_id|>",
                                             "<|end_header_id|>", "<|eot_id|>"};

}  // namespace tutti
