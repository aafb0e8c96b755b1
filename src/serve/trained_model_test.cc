#include "serve/trained_model.h"

#include <gtest/gtest.h>

#include "base/test_file_system.h"
#include "checkpoint/save.h"
#include "checkpoint/test_hugging_face.h"
#include "data/tokenizer_json.h"

namespace tutti {
namespace {

constexpr const char* kConfig = R"(
[model]
layers = 1
embed = 8
heads = 2
mlp = 16
vocab = 300
context = 32
[train]
seq_len = 32
[tokenizer]
path = "/elsewhere/t.json"
)";

class TrainedModelTest : public testing::Test {
 protected:
  void SetUp() override { save({{"config", kConfig}}); }

  void save(const Json& trainer, int64_t step = 0) {
    const float x = 1;
    Snapshot snapshot;
    snapshot.state.step = step;
    snapshot.state.trainer = trainer;
    const std::span bytes(reinterpret_cast<const char*>(&x), sizeof x);
    snapshot.tensors.push_back({.name = "x", .sizes = {}, .bytes = bytes});
    const auto directory = save_checkpoint(fs_, "/run", snapshot);
    ASSERT_TRUE(directory.ok()) << directory.message();
    directory_ = *directory;
  }

  // A tokenizer of bytes and `special` special tokens.
  void write_tokenizer(const std::string& path, int special) {
    std::vector<std::string> tokens;
    for (int i = 0; i < special; ++i) tokens.push_back(fmt::format("<|{}|>", i));
    write_tokenizer(path, std::move(tokens));
  }

  // The same with these. It puts the first one before a text where `begins` says so.
  void write_tokenizer(const std::string& path, std::vector<std::string> special,
                       bool begins = false) {
    TrainedBpe bpe;
    bpe.tokens = std::move(special);
    bpe.special_count = bpe.tokens.size();
    const std::string first = bpe.tokens.front();
    for (int byte = 0; byte < 256; ++byte) bpe.tokens.emplace_back(1, static_cast<char>(byte));
    const auto text = write_tokenizer_json(bpe);
    ASSERT_TRUE(text.ok()) << text.message();
    Json json = parse_json(*text, "tokenizer.json").value();
    if (begins) {
      const Json begin = {{"SpecialToken", {{"id", first}, {"type_id", 0}}}};
      const Json body = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
      json["post_processor"] = {{"type", "TemplateProcessing"},
                                {"single", Json::array({begin, body})},
                                {"special_tokens", {{first, {{"ids", Json::array({0})}}}}}};
    }
    put_file(fs_, path, json.dump());
  }

  TestFileSystem fs_;
  std::string directory_;
};

TEST_F(TrainedModelTest, OpensARunAndACheckpointOfIt) {
  write_tokenizer("/run/tokenizer.json", 1);
  for (const std::string& path : {std::string("/run"), directory_}) {
    const auto model = open_trained_model(fs_, path);
    ASSERT_TRUE(model.ok()) << model.message();
    EXPECT_EQ(model->config.model.vocab, 300);
    EXPECT_EQ(model->tokenizer.vocab_size(), 257);
    EXPECT_EQ(model->tensors->directory(), directory_);
  }
}

TEST_F(TrainedModelTest, OpensAHuggingFaceDirectory) {
  ModelConfig config = small_hugging_face_model(Architecture::kLlama);
  config.vocab = 300;
  put_hugging_face_model(fs_, "/m", config);
  EXPECT_FALSE(open_trained_model(fs_, "/m").ok()) << "without a tokenizer";
  write_tokenizer("/m/tokenizer.json", 1);
  const auto model = open_trained_model(fs_, "/m");
  ASSERT_TRUE(model.ok()) << model.message();
  EXPECT_EQ(model->config.model, config);
  EXPECT_EQ(model->step, 0);
  EXPECT_EQ(read_values(*model->tensors, "final_norm.weight").size(), 8u);
}

// Hugging Face's: what transformers would put before a text, and all that ends one there.
TEST_F(TrainedModelTest, BeginsAndEndsTextsAsTheFilesOfItsDirectorySay) {
  ModelConfig config = small_hugging_face_model(Architecture::kLlama);
  config.vocab = 300;
  put_hugging_face_model(fs_, "/m", config);
  Json json = parse_json(read_file(fs_, "/m/config.json").value(), "config.json").value();
  json["eos_token_id"] = 2;
  put_file(fs_, "/m/config.json", json.dump());
  put_file(fs_, "/m/generation_config.json", R"({"eos_token_id": [2, 3]})");
  write_tokenizer("/m/tokenizer.json", {"<|begin_of_text|>", "<|end_of_text|>", "a", "b"}, true);
  const auto model = open_trained_model(fs_, "/m");
  ASSERT_TRUE(model.ok()) << model.message();
  EXPECT_EQ(model->bounds.begin, std::vector<int32_t>{0});
  EXPECT_EQ(model->bounds.ends, (std::vector<int32_t>{1, 2, 3}));
  std::vector<int32_t> tokens = {9, 8};
  for (int i = 0; i < 2; ++i) begin_text(model->bounds, tokens);
  EXPECT_EQ(tokens, (std::vector<int32_t>{0, 9, 8})) << "once";
  tokens.clear();
  begin_text(model->bounds, tokens);
  EXPECT_EQ(tokens, std::vector<int32_t>{0});
  put_file(fs_, "/m/generation_config.json", R"({"eos_token_id": "</s>"})");
  EXPECT_NE(open_trained_model(fs_, "/m").message().find("/m/generation_config.json"),
            std::string::npos);
}

// Documents that are prepared here have nothing before them; what was imported is as it was.
TEST_F(TrainedModelTest, PutsNothingBeforeATextWhereItWasTrainedHere) {
  write_tokenizer("/run/tokenizer.json", {"<|begin_of_text|>", "<|end_of_text|>"}, true);
  put_file(fs_, "/run/hugging_face/generation_config.json", R"({"eos_token_id": 7})");
  auto model = open_trained_model(fs_, "/run");
  ASSERT_TRUE(model.ok()) << model.message();
  EXPECT_EQ(model->bounds.begin, std::vector<int32_t>{0}) << "a checkpoint at step 0";
  save({{"config", kConfig}}, 5);
  model = open_trained_model(fs_, "/run");
  ASSERT_TRUE(model.ok()) << model.message();
  EXPECT_TRUE(model->bounds.begin.empty());
  EXPECT_EQ(model->bounds.ends, (std::vector<int32_t>{1, 7}));
}

TEST_F(TrainedModelTest, EndsTextsWithATurnWhereItLearnedConversations) {
  const std::vector<std::string> chat_ml = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  write_tokenizer("/run/tokenizer.json", chat_ml);
  EXPECT_EQ(open_trained_model(fs_, "/run")->bounds.ends, std::vector<int32_t>{0});
  save({{"config", kConfig}, {"chat", true}}, 5);
  EXPECT_EQ(open_trained_model(fs_, "/run")->bounds.ends, (std::vector<int32_t>{0, 2}));
}

TEST_F(TrainedModelTest, TakesTheNearestTokenizer) {
  const auto vocab_size = [&] {
    const auto model = open_trained_model(fs_, "/run");
    return model.ok() ? model->tokenizer.vocab_size() : 0;
  };
  EXPECT_EQ(vocab_size(), 0);
  write_tokenizer("/elsewhere/t.json", 1);
  EXPECT_EQ(vocab_size(), 257);
  write_tokenizer("/run/tokenizer.json", 2);
  EXPECT_EQ(vocab_size(), 258);
  write_tokenizer(directory_ + "/tokenizer.json", 3);
  EXPECT_EQ(vocab_size(), 259);
}

TEST_F(TrainedModelTest, SaysWhereItLookedForATokenizer) {
  const auto model = open_trained_model(fs_, "/run");
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().kind, ErrorKind::kNotFound);
  for (const char* path :
       {"/step-000000/tokenizer.json", "/run/tokenizer.json", "/elsewhere/t.json"}) {
    EXPECT_NE(model.message().find(path), std::string::npos) << model.message();
  }
}

TEST_F(TrainedModelTest, RefusesATokenizerWithMoreTokensThanTheModel) {
  write_tokenizer("/run/tokenizer.json", 45);
  const auto model = open_trained_model(fs_, "/run");
  ASSERT_FALSE(model.ok());
  EXPECT_NE(model.message().find("the tokenizer has 301 tokens, and model.vocab is 300"),
            std::string::npos)
      << model.message();
}

TEST_F(TrainedModelTest, SaysThatACheckpointHasNoConfig) {
  write_tokenizer("/run/tokenizer.json", 1);
  save({{"config", 7}});
  const auto model = open_trained_model(fs_, "/run");
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace tutti
