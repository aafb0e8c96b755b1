#include "checkpoint/hugging_face_index.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

std::string error_of(std::string_view text) {
  const auto index = parse_hugging_face_index(text, "i.json");
  return index.ok() ? "accepted" : index.message();
}

TEST(HuggingFaceIndex, ReadsWhatItWrites) {
  const HuggingFaceIndex index{
      {{"a", "model-00001-of-00002.safetensors"}, {"b", "model-00002-of-00002.safetensors"}}};
  const auto text = format_hugging_face_index(index, 40, 10);
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("\"total_size\": 40"), std::string::npos);
  const auto again = parse_hugging_face_index(*text, "i.json");
  ASSERT_TRUE(again.ok()) << again.message();
  EXPECT_EQ(again->file_of, index.file_of);
  EXPECT_EQ(hugging_face_shard_name(2, 12), "model-00002-of-00012.safetensors");
}

TEST(HuggingFaceIndex, KnowsTheNamesOfShards) {
  EXPECT_TRUE(is_hugging_face_shard_name(hugging_face_shard_name(2, 12)));
  EXPECT_TRUE(is_hugging_face_shard_name(hugging_face_shard_name(2, 123456)));
  for (const char* name :
       {"model-00002-of-00012.safetensors.tmp", "model-best-of-00012.safetensors",
        "model-2-of-12.safetensors", "model-00002-of-00012.bin", "model-finetuned.safetensors",
        "model.safetensors", "model--of-.safetensors", "-of-model-00002", ""}) {
    EXPECT_FALSE(is_hugging_face_shard_name(name)) << name;
  }
}

TEST(HuggingFaceIndex, RefusesNamesThatLeadOutOfTheDirectory) {
  for (const char* name : {"../m.safetensors", "/m.safetensors", "a/m.safetensors",
                           ".m.safetensors", "", "m.bin", "m..safetensors"}) {
    const std::string text = fmt::format(R"({{"weight_map":{{"w":"{}"}}}})", name);
    EXPECT_NE(error_of(text).find("tensor \"w\""), std::string::npos) << name;
  }
}

TEST(HuggingFaceIndex, RefusesWhatIsNoIndex) {
  EXPECT_NE(error_of("[]").find("expected an object"), std::string::npos);
  EXPECT_NE(error_of("{}").find("\"weight_map\" is missing"), std::string::npos);
  EXPECT_NE(error_of(R"({"weight_map":{}})").find("names no tensor"), std::string::npos);
  EXPECT_NE(
      error_of(R"({"weight_map":{"a":"x.safetensors","a":"y.safetensors"}})").find("occurs twice"),
      std::string::npos);
  EXPECT_NE(error_of(R"({"weight_map")").find("not JSON"), std::string::npos);
}

}  // namespace
}  // namespace tutti
