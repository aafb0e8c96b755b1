// How an example of fine-tuning becomes one row of tokens: the layout that the tokenizer's added
// tokens ask for. Immutable and thread-safe.
//
//   ChatML   <|im_start|>role\ncontent<|im_end|>\n                    with <|im_start|>, <|im_end|>
//   Llama 3  <|start_header_id|>role<|end_header_id|>\n\ncontent<|eot_id|>   with those three, and
//            <|begin_of_text|> before the first when it is there
//   plain    ### role\ncontent, then two line breaks; the end-of-text token behind each learned
//            content                                                  with any other tokenizer
//
// A learned content is learned together with the token that ends it. A prompt and its completion
// follow each other with nothing between them. Contents are encoded by themselves, as they are when
// a model is asked, and never as control tokens.
#pragma once

#include <string>
#include <vector>

#include "data/chat_example.h"
#include "data/tokenizer.h"

namespace tutti {

// Of a row either a control token or a text.
struct ChatPart {
  std::string text;
  int32_t token = -1;  // the control token; -1: it is a text
  bool learned = false;
};

class ChatLayout {
 public:
  // Requires that the tokenizer has an end-of-text token.
  explicit ChatLayout(const Tokenizer& tokenizer);

  // The token that is learned behind what is said: it closes a turn.
  int32_t turn_end() const { return close_ >= 0 ? close_ : end_of_text_; }
  // The parts of the whole row; the last is the end-of-text token.
  std::vector<ChatPart> parts(const ChatExample& example) const;

 private:
  enum class Kind { kPlain, kChatMl, kLlama3 };
  void add(const ChatMessage& message, std::vector<ChatPart>& parts) const;

  Kind kind_ = Kind::kPlain;
  int32_t end_of_text_ = -1;
  int32_t begin_ = -1;  // of a row; -1: none
  int32_t open_ = -1, header_end_ = -1, close_ = -1;
};

}  // namespace tutti
