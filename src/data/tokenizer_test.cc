#include "data/tokenizer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/test_file_system.h"
#include "data/test_corpus.h"

namespace tutti {
namespace {

using Ids = std::vector<int32_t>;
using Json = nlohmann::json;

constexpr std::string_view kText =
    "the cat sat on the mat. the dog sat on the log, isn't it?\n  the   line\tna\u00efve "
    "caf\u00e9 \u6771\u4eac \u6771\u4eac\u30bf\u30ef\u30fc don't we'll 123 123 "
    "4567\n\n\u00a0\u180e "
    "aaaa aaaaaaa bab babab\n";

// What Hugging Face tokenizers 0.23.3 gives for the tokenizer trained on kText.
TEST(Tokenizer, EncodesAsHuggingFaceDoes) {
  const Tokenizer tokenizer = tokenizer_of(kText, 400);
  const auto ids = tokenizer.encode(
      "the caf\u00e9 sat on\u00a0\u180e aaaaa, isn't 12345 it?\n\n\n <|endoftext|> "
      "\u6771\u4eac\u30bf babab\t\tx  y");
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(*ids, (Ids{259, 274, 65,  70,  128, 103, 282, 278, 127, 255, 158, 255, 237, 279, 65,
                       12,  276, 83,  78,  265, 285, 20,  21,  276, 84,  31,  199, 199, 199, 221,
                       0,   286, 160, 225, 124, 281, 262, 198, 198, 88,  221, 221, 89}));
}

TEST(Tokenizer, DecodeUndoesEncode) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const Tokenizer tokenizer = tokenizer_of(kText, 300);
  for (int round = 0; round < 50; ++round) {
    const std::string text = random_text(random, 100) + "<|endoftext|>" + random_text(random, 5);
    const auto ids = tokenizer.encode(text);
    ASSERT_TRUE(ids.ok());
    const auto back = tokenizer.decode(*ids);
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, text);
  }
}

TEST(Tokenizer, TheCacheAndTheThreadsChangeNothing) {
  std::mt19937 random(3);
  const Tokenizer tokenizer = tokenizer_of(kText, 350);
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back(random_text(random, 50));
  const auto parallel = tokenizer.encode_parallel(texts, 4);
  ASSERT_TRUE(parallel.ok());
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto alone = tokenizer.encode(texts[i]);
    ASSERT_TRUE(alone.ok());
    EXPECT_EQ((*parallel)[i], *alone);
  }
}

TEST(Tokenizer, TextCannotForgeSpecialTokensWhenTheyAreOff) {
  const Tokenizer tokenizer = tokenizer_of(kText, 300);
  const auto on = tokenizer.encode("a<|endoftext|>");
  const auto off = tokenizer.encode("a<|endoftext|>", {.special_tokens = false});
  ASSERT_TRUE(on.ok() && off.ok());
  EXPECT_EQ(on->back(), 0);
  EXPECT_EQ(std::count(off->begin(), off->end(), 0), 0);
  EXPECT_EQ(*tokenizer.decode(*off), "a<|endoftext|>");
}

TEST(Tokenizer, NamesWhereTextIsNotUtf8) {
  const Tokenizer tokenizer = tokenizer_of(kText, 300);
  const auto ids = tokenizer.encode("abc\xC3(");
  ASSERT_FALSE(ids.ok());
  EXPECT_NE(ids.message().find("offset 3"), std::string::npos) << ids.message();
}

TEST(Tokenizer, DecodesEveryIdAndNoOther) {
  const Tokenizer tokenizer = tokenizer_of(kText, 300);
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    EXPECT_TRUE(tokenizer.decode(std::span(&id, 1)).ok());
  }
  for (const int32_t id : {-1, tokenizer.vocab_size()}) {
    EXPECT_FALSE(tokenizer.decode(std::span(&id, 1)).ok());
  }
}

TEST(AddedTokens, TheLongestOfThoseThatStartFirstIsTaken) {
  const AddedTokens added({{"<a>", 1, true}, {"<a><b>", 2, true}, {"a>", 3, false}});
  EXPECT_EQ(added.find("x<a><b>", 0, true)->id, 2);
  EXPECT_EQ(added.find("x<a><c>", 0, true)->id, 1);
  EXPECT_EQ(added.find("x<a>", 0, false)->id, 3);
  EXPECT_FALSE(added.find("x<a", 0, true));
}

// One change to a good file, and what the error must say.
struct Refusal {
  const char* pointer;
  const char* value;
  const char* message;
};

TEST(TokenizerJson, RefusesWhatItDoesNotKnowAndSaysWhere) {
  const Json good = Json::parse(tokenizer_json_of(kText, 300));
  const Refusal refusals[] = {
      {"/model/type", R"("WordPiece")", "model.type: 'WordPiece'"},
      {"/model/byte_fallback", "true", "model.byte_fallback"},
      {"/model/dropout", "0.1", "model.dropout"},
      {"/model/end_of_word_suffix", R"("</w>")", "model.end_of_word_suffix"},
      {"/model/vocab/!", "7000000", "model.vocab.!"},
      {"/model/vocab/!", "2", "taken already"},
      {"/model/merges/0", R"("a b c")", "model.merges[0]"},
      {"/model/merges/1", R"(["q", "qqq"])", "model.merges[1]: token 'qqq'"},
      {"/pre_tokenizer/type", R"("Metaspace")", "pre_tokenizer.type: 'Metaspace'"},
      {"/pre_tokenizer", "null", "pre_tokenizer"},
      {"/normalizer", R"({"type": "NFKC"})", "normalizer.type: 'NFKC'"},
      {"/decoder/type", R"("WordPiece")", "decoder.type: 'WordPiece'"},
      {"/added_tokens/0/lstrip", "true", "added_tokens[0].lstrip"},
      {"/added_tokens/0/id", "-1", "added_tokens[0].id"},
      {"/added_tokens/0/content", "5", "added_tokens[0].content"},
  };
  for (const Refusal& refusal : refusals) {
    Json bad = good;
    bad[Json::json_pointer(refusal.pointer)] = Json::parse(refusal.value);
    const auto tokenizer = parse_tokenizer_json(bad.dump(), "x.json");
    ASSERT_FALSE(tokenizer.ok()) << refusal.pointer;
    EXPECT_TRUE(tokenizer.message().starts_with("x.json: ")) << tokenizer.message();
    EXPECT_NE(tokenizer.message().find(refusal.message), std::string::npos) << tokenizer.message();
  }
}

TEST(TokenizerJson, ReadsASequenceOfSplitAndByteLevel) {
  Json json = Json::parse(tokenizer_json_of(kText, 300));
  json["pre_tokenizer"] = Json::parse(R"({"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "\\d"}, "behavior": "Isolated", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})");
  json["model"]["merges"][0] = Json::array({"a", "a"});  // the other way to write a merge
  const auto tokenizer = parse_tokenizer_json(json.dump(), "x.json");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  // 12 is a token, but each digit stands alone now; spaces need no cut before words.
  EXPECT_EQ(tokenizer->encode("12")->size(), 2u);
}

TEST(TokenizerJson, LoadNamesTheFile) {
  TestFileSystem fs;
  write_text(fs, "/t.json", "{\"model\": ");
  const auto broken = Tokenizer::load(fs, "/t.json");
  ASSERT_FALSE(broken.ok());
  EXPECT_NE(broken.message().find("/t.json: not JSON at byte"), std::string::npos);
  EXPECT_EQ(Tokenizer::load(fs, "/none.json").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace tutti
