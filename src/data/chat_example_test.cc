#include "data/chat_example.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/json.h"
#include "data/chat_layout.h"
#include "data/encode_document.h"
#include "data/test_corpus.h"
#include "data/test_tokenizers.h"

namespace tutti {
namespace {

const std::string kPath = "/a.jsonl";

Result<ChatExample> parse(std::string_view json) {
  return parse_chat_example(json, {kPath, 3, 70});
}

constexpr const char* kChat =
    R"({"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"},)"
    R"( {"role": "assistant", "content": "hello"}], "id": 7})";

// `special`: what the file says of the tokens.
Tokenizer tokenizer_with(const std::vector<std::string>& special_tokens, bool special = true) {
  const TrainedBpe trained =
      train_on("hello hi hello hi", {.vocab_size = 270, .special_tokens = special_tokens});
  Json json = parse_json(*write_tokenizer_json(trained), "test").value();
  for (size_t i = 0; i < special_tokens.size(); ++i) json["added_tokens"][i]["special"] = special;
  return std::move(*parse_tokenizer_json(json.dump(), "test"));
}

// The row, what is learned of it in brackets.
std::string row_of(const Tokenizer& tokenizer, const char* json) {
  DocumentEncoder encoder(tokenizer, {.format = DocumentFormat::kChat});
  EncodedPieces out;
  const Status status = encoder.append({.text = json}, {kPath, kPath}, out);
  if (!status.ok()) return status.message();
  std::string row;
  bool learned = false;
  for (size_t i = 0; i < out.mask.size(); ++i) {
    uint16_t id;
    std::memcpy(&id, out.tokens.data() + 2 * i, 2);
    const int32_t ids[] = {id};
    if (learned != (out.mask[i] != 0)) row += learned ? "]" : "[";
    learned = out.mask[i] != 0;
    row += *tokenizer.decode(ids);
  }
  return row + (learned ? "]" : "");
}

TEST(ChatExample, ReadsBothKinds) {
  const auto chat = parse(kChat);
  ASSERT_TRUE(chat.ok()) << chat.message();
  ASSERT_EQ(chat->messages.size(), 3u);
  EXPECT_EQ(chat->messages[1].role, "user");
  EXPECT_FALSE(chat->messages[1].learned);
  EXPECT_TRUE(chat->messages[2].learned);
  EXPECT_EQ(chat_text(*chat), "be brief\nhi\nhello");
  const auto completion = parse(R"({"prompt": "2+2=", "completion": "4"})");
  ASSERT_TRUE(completion.ok()) << completion.message();
  EXPECT_FALSE(completion->has_roles);
  EXPECT_TRUE(completion->messages[1].learned);
}

TEST(ChatExample, ErrorsNameThePlaceAndTheField) {
  const std::pair<const char*, const char*> cases[] = {
      {"{\"prompt\": ", "/a.jsonl:3: not JSON"},
      {"[1]", "/a.jsonl:3: expected an object, got array (offset 70)"},
      {"{}", "expected messages, or prompt and completion"},
      {R"({"prompt": "a"})", "completion: expected a string, got no such field"},
      {R"({"prompt": "a", "completion": 4})", "completion: expected a string, got number"},
      {R"({"prompt": "a", "completion": ""})", "nothing to learn from"},
      {R"({"prompt": "a", "completion": "b", "score": 1e999})", "not JSON: "},
      {R"({"prompt": "a", "messages": []})", "expected one kind"},
      {R"({"messages": {}})", "messages: expected an array, got object"},
      {R"({"messages": []})", "nothing to learn from"},
      {R"({"messages": [3]})", "messages[0]: expected an object, got number"},
      {R"({"messages": [{"role": "user", "content": null}]})",
       "messages[0].content: expected a string, got null"},
      {R"({"messages": [{"content": "a"}]})", "messages[0].role: expected a string, got no such"},
      {R"({"messages": [{"role": "user", "content": "a"}]})", "no message of the role"},
  };
  for (const auto& [json, message] : cases) {
    const auto example = parse(json);
    ASSERT_FALSE(example.ok()) << json;
    EXPECT_NE(example.message().find(message), std::string::npos) << example.message();
    EXPECT_TRUE(example.message().starts_with("/a.jsonl:3: ")) << example.message();
  }
}

TEST(ChatLayout, FollowsTheTokenizersControlTokens) {
  const Tokenizer chatml = tokenizer_with({"<|endoftext|>", "<|im_start|>", "<|im_end|>"});
  EXPECT_EQ(row_of(chatml, kChat),
            "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"
            "<|im_start|>assistant\n[hello<|im_end|>]\n<|endoftext|>");
  const Tokenizer llama =
      tokenizer_with({"<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>",
                      "<|end_header_id|>", "<|eot_id|>"});
  EXPECT_EQ(row_of(llama, kChat),
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nbe brief<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n[hello<|eot_id|>]<|end_of_text|>");
  const Tokenizer plain = tokenizer_with({"<|endoftext|>"});
  EXPECT_EQ(row_of(plain, kChat),
            "### system\nbe brief\n\n### user\nhi\n\n### assistant\n[hello<|endoftext|>]");
  EXPECT_EQ(row_of(plain, R"({"prompt": "2+2=", "completion": "4"})"), "2+2=[4<|endoftext|>]");
}

TEST(ChatLayout, WhatIsSaidIsNeverAControlToken) {
  for (const bool special : {true, false}) {
    const Tokenizer chatml =
        tokenizer_with({"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, special);
    DocumentEncoder encoder(chatml, {.format = DocumentFormat::kChat});
    EncodedPieces out;
    const char* json = R"({"prompt": "<|im_end|><|endoftext|>", "completion": "<|im_start|>"})";
    ASSERT_TRUE(encoder.append({.text = json}, {kPath, kPath}, out).ok());
    int control = 0;
    for (size_t i = 0; i < out.tokens.size(); i += 2) {
      control += out.tokens[i + 1] == 0 && static_cast<unsigned char>(out.tokens[i]) < 3;
    }
    EXPECT_EQ(control, 1) << special;  // the end-of-text behind the completion
  }
}

TEST(EncodeDocument, FindsTokenizersThatPutASpaceFirst) {
  EXPECT_FALSE(adds_leading_space(tokenizer_with({"<|endoftext|>"})));
  Json json = llama_json();
  EXPECT_TRUE(adds_leading_space(*parse_tokenizer_json(json.dump(), "prepend")));
  json["normalizer"] = nullptr;
  json["pre_tokenizer"] = metaspace_json("first");
  EXPECT_TRUE(adds_leading_space(*parse_tokenizer_json(json.dump(), "metaspace")));
  json["pre_tokenizer"] = metaspace_json("never");
  EXPECT_FALSE(adds_leading_space(*parse_tokenizer_json(json.dump(), "metaspace")));
  auto model = small_model(sentence_piece_file::Trainer::BPE, true);
  EXPECT_TRUE(adds_leading_space(*Tokenizer::parse(model.SerializeAsString(), "m.model")));
  model.mutable_normalizer()->set_add_dummy_prefix(false);
  EXPECT_FALSE(adds_leading_space(*Tokenizer::parse(model.SerializeAsString(), "m.model")));
}

}  // namespace
}  // namespace tutti
