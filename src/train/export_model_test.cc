#include "train/export_model.h"

#include <gtest/gtest.h>

#include <map>

#include "base/json.h"
#include "base/test_file_system.h"
#include "checkpoint/save.h"
#include "checkpoint/test_hugging_face.h"
#include "data/tokenizer_json.h"
#include "train/import_model.h"
#include "train/run_start.h"
#include "train/saved_model.h"

namespace tutti {
namespace {

const ModelConfig kModel = small_hugging_face_model(Architecture::kGpt2);

std::map<std::string, std::string> contents(FileSystem& fs, const std::string& directory) {
  std::map<std::string, std::string> files;
  const auto entries = fs.list(directory);
  EXPECT_TRUE(entries.ok());
  for (const DirectoryEntry& entry : entries.value()) {
    files[entry.name] = read_file(fs, join_path(directory, entry.name)).value();
  }
  return files;
}

class ExportModel : public testing::Test {
 protected:
  void SetUp() override { put_hugging_face_model(fs_, "/m", kModel); }

  void import() {
    const auto imported = import_model(fs_, "/m", "/run");
    ASSERT_TRUE(imported.ok()) << imported.message();
  }
  // What import made, as if 5 steps on conversations had come after it.
  void train_on_conversations(const ModelConfig& model) {
    auto saved = open_saved_model(fs_, "/run");
    ASSERT_TRUE(saved.ok()) << saved.message();
    Snapshot snapshot;
    snapshot.state.step = 5;
    snapshot.state.trainer = {{"config", format_config(saved->config)}, {"chat", true}};
    std::vector<std::vector<float>> values;
    for (const HuggingFacePart& part : hugging_face_layout(model).parts) {
      values.push_back(read_values(*saved->tensors, part.parameter));
      const auto* bytes = reinterpret_cast<const char*>(values.back().data());
      snapshot.tensors.push_back({.name = part.parameter,
                                  .sizes = part.sizes,
                                  .bytes = {bytes, values.back().size() * sizeof(float)}});
    }
    const auto directory = save_checkpoint(fs_, "/run", snapshot);
    ASSERT_TRUE(directory.ok()) << directory.message();
  }
  // The error, or "" when there was none.
  std::string export_to(const std::string& to, ExportOptions options = {}) {
    if (options.from.empty()) options.from = "/run";
    options.to = to;
    const auto exported = export_model(fs_, options);
    return exported.ok() ? "" : exported.message();
  }

  TestFileSystem fs_;
};

TEST_F(ExportModel, GivesBackTheTensorsThatWereImported) {
  import();
  EXPECT_EQ(export_to("/out"), "");
  EXPECT_EQ(export_to("/sharded", {.weights = {.shard_bytes_max = 700}}), "");
  EXPECT_GT(contents(fs_, "/sharded").size(), contents(fs_, "/out").size());
  auto before = open_saved_model(fs_, "/m");
  for (const char* path : {"/out", "/sharded"}) {
    auto after = open_saved_model(fs_, path);
    ASSERT_TRUE(after.ok()) << after.message();
    EXPECT_EQ(after->config.model, kModel);
    for (const HuggingFacePart& part : hugging_face_layout(kModel).parts) {
      EXPECT_EQ(read_values(*before->tensors, part.parameter),
                read_values(*after->tensors, part.parameter));
    }
  }
}

TEST_F(ExportModel, GivesTheSameBytesAgainAndAfterAnotherImport) {
  import();
  EXPECT_EQ(export_to("/a"), "");
  EXPECT_EQ(export_to("/b"), "");
  EXPECT_EQ(contents(fs_, "/a"), contents(fs_, "/b"));
  ASSERT_TRUE(import_model(fs_, "/a", "/again").ok());
  EXPECT_EQ(export_to("/c", {.from = "/again"}), "");
  EXPECT_EQ(contents(fs_, "/a"), contents(fs_, "/c"));
}

TEST_F(ExportModel, KeepsWhatCameWithTheModel) {
  const std::map<std::string, std::string> files = {
      {"tokenizer_config.json", R"({"chat_template": "x"})"},
      {"chat_template.jinja", "{{ x }}"},
      {"special_tokens_map.json", "{}"},
      {"generation_config.json", R"({"temperature": 0.6})"},
      {"tokenizer.model", std::string("\0\1\2", 3)},
      {"tokenizer.json", "no tokenizer that can be read"}};
  for (const auto& [name, bytes] : files) put_file(fs_, "/m/" + name, bytes);
  Json config = parse_json(read_file(fs_, "/m/config.json").value(), "text").value();
  config["eos_token_id"] = 9;
  put_file(fs_, "/m/config.json", config.dump());
  import();
  EXPECT_EQ(export_to("/out"), "");
  const auto written = contents(fs_, "/out");
  for (const auto& [name, bytes] : files) EXPECT_EQ(written.at(name), bytes) << name;
  EXPECT_EQ(parse_json(written.at("config.json"), "text").value()["eos_token_id"], 9);
}

// transformers takes a tokenizer.json, or what tokenizer_config.json calls a fast tokenizer, for
// JSON.
TEST_F(ExportModel, CallsASentencepieceModelWhatItIs) {
  import();
  const std::string model = "\n\x0ehardly a model";
  put_file(fs_, "/run/tokenizer.json", model);
  EXPECT_EQ(export_to("/out"), "");
  const auto written = contents(fs_, "/out");
  EXPECT_EQ(written.at("tokenizer.model"), model);
  EXPECT_FALSE(written.contains("tokenizer.json"));
  EXPECT_FALSE(written.contains("tokenizer_config.json"));
}

TEST_F(ExportModel, DescribesATokenizerThatCameAlone) {
  TrainedBpe bpe;
  bpe.tokens = {"<|endoftext|>"};
  bpe.special_count = 1;
  for (int byte = 0; byte < 256; ++byte) bpe.tokens.emplace_back(1, static_cast<char>(byte));
  ModelConfig model = kModel;
  model.vocab = 257;
  put_hugging_face_model(fs_, "/m", model);
  put_file(fs_, "/m/tokenizer.json", write_tokenizer_json(bpe).value());
  // Without config.json in the run there is no original to take ids from.
  import();
  ASSERT_TRUE(fs_.remove("/run/hugging_face/config.json").ok());
  EXPECT_EQ(export_to("/out"), "");
  const auto written = contents(fs_, "/out");
  EXPECT_EQ(parse_json(written.at("tokenizer_config.json"), "text").value()["eos_token"],
            "<|endoftext|>");
  EXPECT_EQ(parse_json(written.at("config.json"), "text").value()["eos_token_id"], 0);
  EXPECT_EQ(parse_json(written.at("generation_config.json"), "text").value()["eos_token_id"], 0);
}

// Its generation_config.json is what transformers ends a text by.
TEST_F(ExportModel, EndsTextsWithATurnWhereTheRunLearnedConversations) {
  TrainedBpe bpe;
  bpe.tokens = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  bpe.special_count = 3;
  for (int byte = 0; byte < 256; ++byte) bpe.tokens.emplace_back(1, static_cast<char>(byte));
  ModelConfig model = kModel;
  model.vocab = 259;
  put_hugging_face_model(fs_, "/m", model);
  put_file(fs_, "/m/tokenizer.json", write_tokenizer_json(bpe).value());
  put_file(fs_, "/m/generation_config.json", R"({"eos_token_id": 0, "temperature": 0.6})");
  import();
  EXPECT_EQ(export_to("/before"), "");
  train_on_conversations(model);
  EXPECT_EQ(export_to("/out"), "");
  ASSERT_TRUE(remove_tree(fs_, "/run/hugging_face").ok());
  EXPECT_EQ(export_to("/alone"), "");
  const auto ends = [&](const std::string& path) {
    return parse_json(read_file(fs_, path).value(), path).value()["eos_token_id"];
  };
  const Json both = Json::array({0, 2});
  EXPECT_EQ(ends("/before/generation_config.json"), 0);
  for (const char* directory : {"/out", "/alone"}) {
    EXPECT_EQ(ends(join_path(directory, "generation_config.json")), both) << directory;
  }
  EXPECT_EQ(ends("/out/config.json"), 2) << "beside the null of the original";
  EXPECT_EQ(ends("/alone/config.json"), both);
}

TEST_F(ExportModel, ReplacesNothingUnlessForced) {
  import();
  EXPECT_EQ(export_to("/out", {.weights = {.shard_bytes_max = 700}}), "");
  put_file(fs_, "/out/README.md", "mine");
  const auto before = contents(fs_, "/out");
  EXPECT_NE(export_to("/out").find("is there already; --force replaces it"), std::string::npos);
  EXPECT_EQ(contents(fs_, "/out"), before);
  EXPECT_EQ(export_to("/out", {.force = true}), "");
  const auto after = contents(fs_, "/out");
  EXPECT_EQ(after.at("README.md"), "mine");
  EXPECT_TRUE(after.contains("model.safetensors"));
  EXPECT_FALSE(after.contains("model.safetensors.index.json"));
  EXPECT_FALSE(std::any_of(after.begin(), after.end(),
                           [](const auto& file) { return file.first.starts_with("model-"); }));
  EXPECT_TRUE(open_saved_model(fs_, "/out").ok());
}

// Where the files of both lay, the older weights were taken for the newer ones.
TEST_F(ExportModel, MixesNoRunWithAHuggingFaceDirectory) {
  import();
  const auto before = contents(fs_, "/run/step-000000");
  for (const char* to : {"/run", "/run/step-000000"}) {
    EXPECT_NE(export_to(to, {.force = true}).find(std::string(to) + " holds a run ("),
              std::string::npos);
  }
  EXPECT_FALSE(exists(fs_, "/run/config.json"));
  EXPECT_EQ(contents(fs_, "/run/step-000000"), before);
  // One that was made some other way is opened as neither, and no run begins or goes on there.
  put_hugging_face_config(fs_, "/run", kModel);
  const auto both = open_saved_model(fs_, "/run");
  ASSERT_FALSE(both.ok());
  EXPECT_NE(both.message().find("give /run/step-000000, or move"), std::string::npos)
      << both.message();
  EXPECT_TRUE(open_saved_model(fs_, "/run/step-000000").ok());
  for (const bool resume : {false, true}) {
    for (const char* directory : {"/run", "/m"}) {
      const auto start = find_start(fs_, directory, resume);
      ASSERT_FALSE(start.ok());
      EXPECT_NE(start.message().find("holds a Hugging Face model (config.json)"), std::string::npos)
          << start.message();
    }
  }
}

TEST_F(ExportModel, LeavesNothingWhenTheDiskIsFull) {
  import();
  fs_.set_capacity(1 << 20);
  EXPECT_NE(export_to("/out").find("the model needs"), std::string::npos);
  EXPECT_FALSE(exists(fs_, "/out"));
}

// Each operation fails once; those before the first rename leave nothing at all.
TEST_F(ExportModel, LeavesNoPartOfAModelWhenAnOperationFails) {
  import();
  const ExportOptions options{.weights = {.shard_bytes_max = 700}};
  const int64_t begin = fs_.operations();
  EXPECT_EQ(export_to("/whole", options), "");
  const int64_t operations = fs_.operations() - begin;
  EXPECT_GT(operations, 50);
  for (int64_t failing = 0; failing < operations; ++failing) {
    fs_.fail_operation(fs_.operations() + failing);
    const std::string error = export_to("/out", options);
    if (!exists(fs_, "/out")) {
      EXPECT_NE(error, "") << failing;
      continue;
    }
    for (const auto& [name, bytes] : contents(fs_, "/out")) {
      EXPECT_FALSE(name.ends_with(".tmp")) << failing << ": " << name;
    }
    ASSERT_TRUE(remove_tree(fs_, "/out").ok());
  }
}

TEST_F(ExportModel, LeavesNothingWhenItIsStopped) {
  import();
  int64_t asked = 0;
  ExportOptions options;
  options.weights.shard_bytes_max = 700;
  options.weights.stop_requested = [&asked] { return ++asked > 5; };
  EXPECT_EQ(export_to("/out", options), "asked to stop: /out stays as it was");
  EXPECT_EQ(asked, 6);
  EXPECT_FALSE(exists(fs_, "/out"));
}

TEST_F(ExportModel, RemovesWhatAKilledOneLeftAndNothingElse) {
  import();
  const std::map<std::string, std::string> others = {{"model-best.safetensors", "mine"},
                                                     {"notes.tmp", "mine"}};
  for (const auto& [name, bytes] : others) put_file(fs_, "/out/" + name, bytes);
  for (const char* name : {"model-00007-of-00009.safetensors.tmp", "config.json.tmp"}) {
    ASSERT_TRUE(fs_.create(join_path("/out", name)).ok());
  }
  EXPECT_EQ(export_to("/out", {.force = true}), "");
  const auto written = contents(fs_, "/out");
  EXPECT_FALSE(written.contains("model-00007-of-00009.safetensors.tmp"));
  EXPECT_FALSE(written.contains("config.json.tmp"));
  for (const auto& [name, bytes] : others) EXPECT_EQ(written.at(name), bytes);
}

TEST_F(ExportModel, IsOneAtATimeInADirectory) {
  import();
  ASSERT_TRUE(fs_.create_directories("/out").ok());
  const auto lock = lock_directory(fs_, "/out");
  EXPECT_EQ(export_to("/out").find("/out is in use: "), 0u);
}

TEST_F(ExportModel, NamesWhatNoModelTypeHas) {
  import();
  auto saved = open_saved_model(fs_, "/run");
  ASSERT_TRUE(saved.ok());
  Config config = saved->config;
  config.model.window = 4;
  Snapshot snapshot;
  snapshot.state.trainer = {{"config", format_config(config)}};
  ASSERT_TRUE(save_checkpoint(fs_, "/odd", snapshot).ok());
  EXPECT_NE(export_to("/out", {.from = "/odd"}).find("model.window"), std::string::npos);
}

}  // namespace
}  // namespace tutti
