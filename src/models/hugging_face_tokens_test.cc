#include "models/hugging_face_tokens.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(HuggingFaceTokens, EndATextByOneIdOrSeveral) {
  const std::pair<const char*, std::vector<int32_t>> cases[] = {
      {R"({"eos_token_id": 7})", {7}},       {R"({"eos_token_id": [7, 3]})", {7, 3}},
      {R"({"eos_token_id": null})", {}},     {R"({"bos_token_id": 1})", {}},
      {R"({"eos_token_id": [-1, 5]})", {5}},
  };
  for (const auto& [json, expected] : cases) {
    const auto tokens = hugging_face_end_tokens(json, "config.json");
    ASSERT_TRUE(tokens.ok()) << tokens.message();
    EXPECT_EQ(*tokens, expected) << json;
  }
}

TEST(HuggingFaceTokens, RefuseWhatIsNoId) {
  for (const char* json : {R"({"eos_token_id": "</s>"})", R"({"eos_token_id": [1, 2.5]})"}) {
    const auto tokens = hugging_face_end_tokens(json, "config.json");
    ASSERT_FALSE(tokens.ok());
    EXPECT_EQ(tokens.message().find("config.json: eos_token_id holds "), 0u) << tokens.message();
  }
}

TEST(HuggingFaceTokens, AreAddedOnlyWhereTheyAreNotYet) {
  const auto with = [](const char* json, std::vector<int32_t> tokens) {
    const auto text = with_hugging_face_end_tokens(json, tokens, "g");
    EXPECT_TRUE(text.ok()) << text.message();
    return *text;
  };
  const char* kBoth = R"({"eos_token_id":[2,9]})";
  EXPECT_EQ(with(kBoth, {9}), kBoth);
  EXPECT_EQ(with(kBoth, {}), kBoth);
  EXPECT_EQ(with(R"({"eos_token_id": 2})", {9, 2}),
            "{\n  \"eos_token_id\": [\n    2,\n    9\n  ]\n}\n");
  EXPECT_EQ(with("{}", {9}), "{\n  \"eos_token_id\": 9\n}\n");
}

}  // namespace
}  // namespace tutti
