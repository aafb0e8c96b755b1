// model.init: the weights of step 0 from elsewhere, and the config that follows from them.
#include <gtest/gtest.h>

#include "checkpoint/test_hugging_face.h"
#include "train/import_model.h"
#include "train/saved_model.h"
#include "train/test_run.h"

namespace tutti {
namespace {

// A model that fits the tests' corpus.
ModelConfig model_for_corpus() {
  ModelConfig model = small_hugging_face_model(Architecture::kLlama);
  model.vocab = kTestVocab;
  return model;
}

constexpr const char* kTuneConfig = R"(
[model]
init = "/m"
[data]
train = "/data/train"
validation = "/data/validation"
[train]
steps = 4
seq_len = 16
micro_batch = 2
threads = 1
[optim]
lr = 1e-3
[run]
dir = "/tuned"
)";

class ModelInit : public testing::Test {
 protected:
  void SetUp() override {
    fs_ = test_disk();
    put_hugging_face_model(*fs_, "/m", model_for_corpus());
    put_file(*fs_, "/run.toml", kTuneConfig);
  }
  Result<Config> load(std::vector<std::string> overrides = {}) {
    return load_config(*fs_, "/run.toml", overrides);
  }
  std::string error(std::vector<std::string> overrides) {
    const auto config = load(std::move(overrides));
    return config.ok() ? "accepted" : config.message();
  }

  std::unique_ptr<TestFileSystem> fs_;
};

TEST_F(ModelInit, GivesTheModelSection) {
  const auto config = load();
  ASSERT_TRUE(config.ok()) << config.message();
  EXPECT_EQ(config->model, model_for_corpus());
  EXPECT_EQ(config->init, "/m");
  // What was resolved says the same without the directory.
  const auto again = parse_config(format_config(*config), "resolved", {});
  ASSERT_TRUE(again.ok()) << again.message();
  EXPECT_EQ(again->model, config->model);
}

TEST_F(ModelInit, GivesTheModelSectionWithoutAskingForTheWeights) {
  ASSERT_TRUE(fs_->remove("/m/model.safetensors").ok());
  const auto config = load();
  ASSERT_TRUE(config.ok()) << config.message();
  EXPECT_EQ(config->model, model_for_corpus());
  Recorder recorder;
  const auto summary = train_run(*fs_, *config, recorder);
  ASSERT_FALSE(summary.ok());
  EXPECT_NE(summary.message().find("model.init: /m: neither model.safetensors"), std::string::npos)
      << summary.message();
}

TEST_F(ModelInit, LeavesNothingToOverrideButDropout) {
  const auto config = load({"model.dropout=0.25", "model.layers=2"});
  ASSERT_TRUE(config.ok()) << config.message();
  EXPECT_EQ(config->model.dropout, 0.25);
  EXPECT_NE(
      error({"model.layers=3"})
          .find("command line: model.layers = 3, but model.init = \"/m\" has 2; leave it out"),
      std::string::npos);
  EXPECT_NE(error({"model.preset=llama-tiny"}).find("model.preset are both set"),
            std::string::npos);
  EXPECT_NE(error({"model.init=/nothing"}).find("model.init: /nothing"), std::string::npos);
}

TEST_F(ModelInit, StartsARunWithTheWeights) {
  put_file(*fs_, "/m/chat_template.jinja", "{{ messages }}");
  auto config = load({"optim.lr=1e-12", "optim.weight_decay=0", "train.steps=1"});
  ASSERT_TRUE(config.ok()) << config.message();
  Recorder recorder;
  const auto summary = train_run(*fs_, *config, recorder);
  ASSERT_TRUE(summary.ok()) << summary.message();
  EXPECT_EQ(read_file(*fs_, "/tuned/hugging_face/chat_template.jinja").value(), "{{ messages }}");
  auto before = open_saved_model(*fs_, "/m"), after = open_saved_model(*fs_, "/tuned");
  ASSERT_TRUE(after.ok()) << after.message();
  for (const HuggingFacePart& part : hugging_face_layout(model_for_corpus()).parts) {
    const auto a = read_values(*before->tensors, part.parameter);
    const auto b = read_values(*after->tensors, part.parameter);
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-9 + 1e-6 * std::fabs(a[i]));
  }
}

TEST_F(ModelInit, ResumesLikeAnyRunWithoutReadingTheWeightsAgain) {
  auto config = load({"train.steps=2"});
  ASSERT_TRUE(config.ok()) << config.message();
  Recorder whole, first, second;
  Config other = *load({"train.steps=2", "run.dir=/whole"});
  ASSERT_TRUE(train_run(*fs_, other, whole).ok());
  TrainOptions options;
  bool stop = false;
  options.stop_requested = [&stop] { return stop; };
  first.after_step = [&stop](const StepReport&) { stop = true; };
  ASSERT_TRUE(train_run(*fs_, *config, first, options).ok());
  put_file(*fs_, "/m/model.safetensors",
           safetensors_file(stored_tensors(small_hugging_face_model(Architecture::kLlama))));
  ASSERT_TRUE(train_run(*fs_, *config, second, {.resume = true}).ok());
  ASSERT_EQ(second.steps.size(), 1u);
  EXPECT_EQ(second.steps[0].record.loss, whole.steps[1].record.loss);
}

TEST_F(ModelInit, TakesAnImportedModelToo) {
  put_file(*fs_, "/m/special_tokens_map.json", "{}");
  const auto imported = import_model(*fs_, "/m", "/imported");
  ASSERT_TRUE(imported.ok()) << imported.message();
  EXPECT_EQ(imported->kept, (std::vector<std::string>{"config.json", "special_tokens_map.json"}));
  EXPECT_FALSE(imported->tokenizer);
  const auto config = load_config(
      *fs_, "/imported/config.toml",
      std::vector<std::string>{"data.train=/data/train", "train.steps=2", "train.threads=1"});
  ASSERT_TRUE(config.ok()) << config.message();
  EXPECT_EQ(config->run.dir, "/imported-tuned");
  EXPECT_EQ(config->model, model_for_corpus());
  Recorder recorder;
  const auto summary = train_run(*fs_, *config, recorder);
  ASSERT_TRUE(summary.ok()) << summary.message();
  EXPECT_TRUE(exists(*fs_, "/imported-tuned/hugging_face/special_tokens_map.json"));
  const auto again = import_model(*fs_, "/m", "/imported");
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.message(),
            "/imported holds a run already (config.toml); import into another directory");
}

// Each operation fails once: what is left is no run, and the same import then succeeds.
TEST(ImportModel, CanBeDoneAgainAfterAnyFailure) {
  int64_t operations = 1;  // of one that does not fail, once that is known
  for (int64_t failing = -1; failing < operations; ++failing) {
    TestFileSystem fs;
    put_hugging_face_model(fs, "/m", model_for_corpus());
    put_file(fs, "/m/tokenizer.json", "no tokenizer that can be read");
    put_file(fs, "/m/chat_template.jinja", "{{ messages }}");
    const int64_t before = fs.operations();
    if (failing >= 0) fs.fail_operation(before + failing);
    const auto first = import_model(fs, "/m", "/imported");
    if (failing < 0) operations = fs.operations() - before;
    if (first.ok()) continue;
    EXPECT_FALSE(exists(fs, "/imported/config.toml")) << failing;
    const auto second = import_model(fs, "/m", "/imported");
    ASSERT_TRUE(second.ok()) << failing << ": " << first.message() << "; " << second.message();
    EXPECT_TRUE(open_saved_model(fs, "/imported").ok()) << failing;
    EXPECT_EQ(read_file(fs, "/imported/hugging_face/chat_template.jinja").value(),
              "{{ messages }}");
  }
  EXPECT_GT(operations, 20);
}

TEST(ImportModel, RemovesTheUnfinishedCheckpointOfOneThatWasKilled) {
  TestFileSystem fs;
  put_hugging_face_model(fs, "/m", model_for_corpus());
  put_file(fs, "/imported/step-000000.tmp-abc/rank-00000.safetensors", "half");
  const auto imported = import_model(fs, "/m", "/imported");
  ASSERT_TRUE(imported.ok()) << imported.message();
  EXPECT_FALSE(exists(fs, "/imported/step-000000.tmp-abc"));
}

}  // namespace
}  // namespace tutti
