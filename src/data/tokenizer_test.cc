#include "data/tokenizer.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/test_file_system.h"
#include "data/test_corpus.h"
#include "data/test_tokenizers.h"

namespace tutti {
namespace {

using Ids = std::vector<int32_t>;

// What Hugging Face tokenizers 0.23.3 gives for the tokenizer trained on kComparedText.
TEST(Tokenizer, EncodesAsHuggingFaceDoes) {
  const Tokenizer tokenizer = tokenizer_of(kComparedText, 400);
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
  const Tokenizer tokenizer = tokenizer_of(kComparedText, 300);
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
  const Tokenizer tokenizer = tokenizer_of(kComparedText, 350);
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
  const Tokenizer tokenizer = tokenizer_of(kComparedText, 300);
  const auto on = tokenizer.encode("a<|endoftext|>");
  const auto off = tokenizer.encode("a<|endoftext|>", {.special_tokens = false});
  ASSERT_TRUE(on.ok() && off.ok());
  EXPECT_EQ(on->back(), 0);
  EXPECT_EQ(std::count(off->begin(), off->end(), 0), 0);
  EXPECT_EQ(*tokenizer.decode(*off), "a<|endoftext|>");
}

// What the file calls special is one thing, what ends a document another.
TEST(Tokenizer, TextCannotForgeTheEndOfTextWhateverTheFileSays) {
  Json json = parse_json(tokenizer_json_of(kComparedText, 300), "text").value();
  json["added_tokens"][0]["special"] = false;
  for (const bool normalized : {false, true}) {
    json["added_tokens"][0]["normalized"] = normalized;
    const auto tokenizer = parse_tokenizer_json(json.dump(), "x.json");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
    const Ids off = *tokenizer->encode("hello<|endoftext|>world", {.special_tokens = false});
    EXPECT_EQ(std::count(off.begin(), off.end(), 0), 0);
    EXPECT_EQ(*tokenizer->decode(off), "hello<|endoftext|>world");
    EXPECT_EQ(tokenizer->encode("a<|endoftext|>")->back(), 0);
    EXPECT_EQ(*tokenizer->decode(Ids{0}, {.skip_special = true}), "<|endoftext|>");
  }
}

TEST(Tokenizer, NamesWhereTextIsNotUtf8) {
  const Tokenizer tokenizer = tokenizer_of(kComparedText, 300);
  const auto ids = tokenizer.encode("abc\xC3(");
  ASSERT_FALSE(ids.ok());
  EXPECT_NE(ids.message().find("offset 3"), std::string::npos) << ids.message();
}

TEST(Tokenizer, DecodesEveryIdAndNoOther) {
  const Tokenizer tokenizer = tokenizer_of(kComparedText, 300);
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    EXPECT_TRUE(tokenizer.decode(std::span(&id, 1)).ok());
  }
  for (const int32_t id : {-1, tokenizer.vocab_size()}) {
    EXPECT_FALSE(tokenizer.decode(std::span(&id, 1)).ok());
  }
}

// One change to a good file, and what the error must say.
struct Refusal {
  const char* pointer;
  const char* value;
  const char* message;
};

// "/a/0": of the key a the first element.
Json& part_at(Json& root, std::string_view pointer) {
  Json* part = &root;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string key(pointer.substr(0, pointer.find('/')));
    part = part->is_array() ? &(*part)[std::stoul(key)] : &(*part)[key];
    pointer.remove_prefix(key.size());
  }
  return *part;
}

TEST(TokenizerJson, RefusesWhatItDoesNotKnowAndSaysWhere) {
  const Json good = parse_json(tokenizer_json_of(kComparedText, 300), "text").value();
  const Refusal refusals[] = {
      {"/model/type", R"("WordPiece")", "model.type: 'WordPiece'"},
      {"/model/byte_fallback", "true", "model.byte_fallback"},
      {"/model/unk_token", R"("<none>")", "model.unk_token: '<none>'"},
      {"/model/dropout", "0.1", "model.dropout"},
      {"/model/end_of_word_suffix", R"("</w>")", "model.end_of_word_suffix"},
      {"/model/vocab/!", "7000000", "model.vocab.!"},
      {"/model/vocab/!", "2", "taken already"},
      {"/model/merges/0", R"("a b c")", "model.merges[0]"},
      {"/model/merges/1", R"(["q", "qqq"])", "model.merges[1]: token 'qqq'"},
      {"/pre_tokenizer/type", R"("BertPreTokenizer")", "pre_tokenizer.type: 'BertPreTokenizer'"},
      {"/pre_tokenizer", R"({"type": "Sequence", "pretokenizers": [{"type": "Split",
        "pattern": {"Regex": "(a"}, "behavior": "Isolated"}]})",
       "pre_tokenizer.pretokenizers[0].pattern: regular expression '(a'"},
      {"/pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Merged"})",
       "pre_tokenizer.behavior: 'Merged' is none of"},
      {"/normalizer", R"({"type": "Nmt"})", "normalizer.type: 'Nmt'"},
      {"/normalizer", R"({"type": "Sequence", "normalizers": [{"type": "NFC"},
        {"type": "Replace", "pattern": {"String": ""}, "content": ""}]})",
       "normalizer.normalizers[1].pattern.String: empty"},
      {"/post_processor", R"({"type": "Template"})", "post_processor.type: 'Template'"},
      {"/post_processor", R"({"type": "TemplateProcessing", "single":
        [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "special_tokens": {}})",
       "post_processor.special_tokens: '<s>', which the template names, is missing"},
      {"/post_processor", R"({"type": "RobertaProcessing", "cls": ["a", 0], "sep": ["b", 999]})",
       "post_processor: token 999"},
      {"/decoder/type", R"("WordPiece")", "decoder.type: 'WordPiece'"},
      {"/added_tokens/0/lstrip", "3", "added_tokens[0].lstrip"},
      {"/added_tokens/0/id", "-1", "added_tokens[0].id"},
      {"/added_tokens/0/content", "5", "added_tokens[0].content"},
  };
  for (const Refusal& refusal : refusals) {
    Json bad = good;
    part_at(bad, refusal.pointer) = parse_json(refusal.value, "text").value();
    const auto tokenizer = parse_tokenizer_json(bad.dump(), "x.json");
    ASSERT_FALSE(tokenizer.ok()) << refusal.pointer;
    EXPECT_TRUE(tokenizer.message().starts_with("x.json: ")) << tokenizer.message();
    EXPECT_NE(tokenizer.message().find(refusal.message), std::string::npos) << tokenizer.message();
  }
}

TEST(TokenizerJson, ReadsASequenceOfSplitAndByteLevel) {
  Json json = parse_json(tokenizer_json_of(kComparedText, 300), "text").value();
  json["pre_tokenizer"] = parse_json(R"({"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "\\d"}, "behavior": "Isolated", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})",
                                     "text")
                              .value();
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
  EXPECT_NE(broken.message().find("/t.json: not JSON: "), std::string::npos);
  EXPECT_EQ(Tokenizer::load(fs, "/none.json").error().kind, ErrorKind::kNotFound);
}

TEST(TokenizerJson, PutsTheTokensOfTheTemplateAround) {
  Json json = parse_json(tokenizer_json_of(kComparedText, 300), "text").value();
  json["post_processor"] = parse_json(R"({"type": "Sequence", "processors": [
      {"type": "ByteLevel"}, {"type": "TemplateProcessing",
       "single": [{"SpecialToken": {"id": "<a>", "type_id": 0}}, {"Sequence": {"id": "A"}},
                  {"SpecialToken": {"id": "<b>", "type_id": 0}}],
       "special_tokens": {"<a>": {"id": "<a>", "ids": [7, 8]}, "<b>": {"id": "<b>", "ids": [9]}}}]})",
                                      "text")
                               .value();
  const auto tokenizer = parse_tokenizer_json(json.dump(), "x.json");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  const Ids plain = *tokenizer->encode("cat");
  Ids around = {7, 8};
  around.insert(around.end(), plain.begin(), plain.end());
  around.push_back(9);
  EXPECT_EQ(*tokenizer->encode("cat", {.add_special = true}), around);
}

TEST(TokenizerJson, ReadsBpeOverCharactersWithBytes) {
  const auto tokenizer = parse_tokenizer_json(llama_json().dump(), "x.json");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  EXPECT_EQ(*tokenizer->encode("ab  b"), (Ids{262, 261, 259, 263}));
  EXPECT_EQ(*tokenizer->encode("é"), (Ids{259, 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(*tokenizer->encode("a</s>b"), (Ids{262, 2, 263})) << "each stretch is normalized";
  for (const char* text : {"ab  b", "é東 a", "", " a", "b "}) {
    EXPECT_EQ(*tokenizer->decode(*tokenizer->encode(text)), text);
  }
  EXPECT_EQ(*tokenizer->decode(Ids{262, 3 + 0xE6, 3 + 0x9D, 261}), "a\ufffd\ufffdb");
  EXPECT_EQ(*tokenizer->decode(Ids{1, 262, 2}), "<s> a</s>");
  EXPECT_EQ(*tokenizer->decode(Ids{1, 262, 2}, {.skip_special = true}), "a");
}

TEST(TokenDecoder, TokenByTokenGivesTheSameText) {
  const auto tokenizer = parse_tokenizer_json(llama_json().dump(), "x.json");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  const Ids ids = *tokenizer->encode("a é東 b");
  TokenDecoder from_start(*tokenizer), behind_a_prompt(*tokenizer, true);
  std::string start, behind;
  for (const int32_t id : ids) {
    ASSERT_TRUE(from_start.append(id, start).ok() && behind_a_prompt.append(id, behind).ok());
  }
  from_start.finish(start);
  behind_a_prompt.finish(behind);
  EXPECT_EQ(start, "a é東 b");
  EXPECT_EQ(behind, " a é東 b");
}

TEST(TokenizerJson, MetaspaceTakesTheSpaceOfTheFirstTokenBack) {
  Json json = llama_json();
  json["normalizer"] = nullptr;
  json["pre_tokenizer"] = json["decoder"] = metaspace_json("first");
  const auto tokenizer = parse_tokenizer_json(json.dump(), "x.json");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  EXPECT_EQ(*tokenizer->encode("a</s>b a"), (Ids{262, 2, 261, 262})) << "only the first stretch";
  EXPECT_EQ(*tokenizer->decode(Ids{262, 261, 262}), "ab a");
}

TEST(TokenizerJson, WithoutADecoderTokensAreSpacedAsHuggingFaceDoes) {
  Json json = llama_json();
  json["decoder"] = nullptr;
  const auto tokenizer = parse_tokenizer_json(json.dump(), "x.json");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  EXPECT_EQ(*tokenizer->decode(Ids{262, 261}), "▁a b");
}

}  // namespace
}  // namespace tutti
