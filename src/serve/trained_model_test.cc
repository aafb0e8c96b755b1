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

  void save(const Json& trainer) {
    const float x = 1;
    Snapshot snapshot;
    snapshot.state.trainer = trainer;
    const std::span bytes(reinterpret_cast<const char*>(&x), sizeof x);
    snapshot.tensors.push_back({.name = "x", .sizes = {}, .bytes = bytes});
    const auto directory = save_checkpoint(fs_, "/run", snapshot);
    ASSERT_TRUE(directory.ok()) << directory.message();
    directory_ = *directory;
  }

  // A tokenizer of bytes and `special` special tokens.
  void write_tokenizer(const std::string& path, int special) {
    TrainedBpe bpe;
    for (int i = 0; i < special; ++i) bpe.tokens.push_back(fmt::format("<|{}|>", i));
    bpe.special_count = bpe.tokens.size();
    for (int byte = 0; byte < 256; ++byte) bpe.tokens.emplace_back(1, static_cast<char>(byte));
    const auto json = write_tokenizer_json(bpe);
    ASSERT_TRUE(json.ok()) << json.message();
    ASSERT_TRUE(fs_.create_directories(parent_path(path)).ok());
    ASSERT_TRUE(write_file_atomic(fs_, path, *json).ok());
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
