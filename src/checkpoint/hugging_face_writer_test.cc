#include "checkpoint/hugging_face_writer.h"

#include <gtest/gtest.h>

#include "base/test_file_system.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/copy_checkpoint.h"
#include "checkpoint/hugging_face_directory.h"
#include "checkpoint/test_hugging_face.h"

namespace tutti {
namespace {

Status write(FileSystem& fs, const ModelConfig& model, TensorSource& source,
             const HuggingFaceWeightOptions& options) {
  TUTTI_ASSIGN(StagedFiles files, StagedFiles::begin(fs, "/out"));
  TUTTI_TRY(write_hugging_face_weights(fs, files, model, source, options));
  return files.commit();
}

std::vector<std::string> parameters(const ModelConfig& model) {
  std::vector<std::string> names;
  for (const HuggingFacePart& part : hugging_face_layout(model).parts) {
    names.push_back(part.parameter);
  }
  return names;
}

TEST(HuggingFaceWriter, WritesWhatReadsBackAsTheSameParameters) {
  for (const Architecture architecture : {Architecture::kGpt2, Architecture::kLlama}) {
    const ModelConfig model = small_hugging_face_model(architecture);
    MemorySource source(model);
    for (const uint64_t shard_bytes : {uint64_t{1} << 30, uint64_t{1000}, uint64_t{1}}) {
      TestFileSystem fs;
      const HuggingFaceWeightOptions options{.shard_bytes_max = shard_bytes};
      const Status status = write(fs, model, source, options);
      ASSERT_TRUE(status.ok()) << status.message();
      put_hugging_face_config(fs, "/out", model);
      auto directory = HuggingFaceDirectory::open(fs, "/out");
      ASSERT_TRUE(directory.ok()) << directory.message();
      for (const std::string& name : parameters(model)) {
        EXPECT_EQ(read_values(*directory, name), source.values(name)) << name;
      }
      const HuggingFaceWeightPlan plan = plan_hugging_face_weights(model, options);
      EXPECT_EQ(hugging_face_weight_files(fs, "/out")->size(), plan.files.size());
      EXPECT_EQ(plan.total_parameters, parameter_count(model));
      if (shard_bytes == 1) {
        EXPECT_EQ(plan.files.size(), hugging_face_layout(model).tensors.size() + 1);
      }
    }
  }
}

TEST(HuggingFaceWriter, KeepsShardsBelowTheirSize) {
  const ModelConfig model = small_hugging_face_model(Architecture::kLlama);
  MemorySource source(model);
  TestFileSystem fs;
  ASSERT_TRUE(write(fs, model, source, {.shard_bytes_max = 900}).ok());
  const auto names = hugging_face_weight_files(fs, "/out");
  ASSERT_TRUE(names.ok() && names.value().size() > 3);
  for (const std::string& name : names.value()) {
    if (!name.ends_with(".safetensors")) continue;
    const auto file = SafetensorsReader::map(fs, join_path("/out", name));
    ASSERT_TRUE(file.ok()) << file.message();
    EXPECT_EQ(file->header().metadata.at("format"), "pt");
    uint64_t bytes = 0;
    for (const SafetensorsTensor& tensor : file->tensors()) bytes += tensor.bytes;
    EXPECT_LE(bytes, 900u) << name;
    EXPECT_TRUE(std::is_sorted(file->tensors().begin(), file->tensors().end(),
                               [](const auto& a, const auto& b) { return a.name < b.name; }));
  }
}

TEST(HuggingFaceWriter, GivesTheSameBytesAgain) {
  const ModelConfig model = small_hugging_face_model(Architecture::kGpt2);
  MemorySource source(model);
  std::string first;
  for (int i = 0; i < 2; ++i) {
    TestFileSystem fs;
    ASSERT_TRUE(write(fs, model, source, {.dtype = DType::kBF16}).ok());
    const std::string bytes = read_file(fs, "/out/model.safetensors").value();
    if (i == 0) first = bytes;
    EXPECT_EQ(bytes, first);
  }
}

TEST(HuggingFaceWriter, RefusesASourceThatLacksAParameterAndLeavesNothing) {
  const ModelConfig model = small_hugging_face_model(Architecture::kLlama);
  MemorySource source(model);
  source.remove("final_norm.weight");
  TestFileSystem fs;
  const Status status = write(fs, model, source, {});
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("\"final_norm.weight\""), std::string::npos);
  EXPECT_TRUE(hugging_face_weight_files(fs, "/out")->empty());
}

TEST(HuggingFaceWriter, RefusesAValueBeyondF16AndLeavesNothing) {
  const ModelConfig model = small_hugging_face_model(Architecture::kLlama);
  MemorySource source(model);
  source.values("layers.1.mlp.up.weight")[5] = 70000.0f;
  TestFileSystem fs;
  ASSERT_TRUE(write(fs, model, source, {.dtype = DType::kBF16}).ok());
  TestFileSystem other;
  const Status status = write(other, model, source, {.dtype = DType::kF16});
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("70000"), std::string::npos) << status.message();
  EXPECT_FALSE(exists(other, "/out"));
}

TEST(CopyCheckpoint, HoldsTheTensorsOfItsSource) {
  const ModelConfig model = small_hugging_face_model(Architecture::kGpt2);
  TestFileSystem fs;
  put_hugging_face_model(fs, "/m", model);
  auto directory = HuggingFaceDirectory::open(fs, "/m");
  ASSERT_TRUE(directory.ok()) << directory.message();
  SnapshotState state;
  state.trainer = {{"config", "text"}};
  const auto path = copy_checkpoint(fs, "/run", state, *directory, parameters(model));
  ASSERT_TRUE(path.ok()) << path.message();
  auto checkpoint = load_checkpoint(fs, "/run");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
  EXPECT_EQ(checkpoint->manifest().trainer, state.trainer);
  for (const std::string& name : parameters(model)) {
    EXPECT_EQ(read_values(*checkpoint, name), read_values(*directory, name)) << name;
  }
  EXPECT_FALSE(
      copy_checkpoint(fs, "/other", state, *directory, std::vector<std::string>{"x"}).ok());
}

TEST(CopyCheckpoint, LeavesNothingOnAFullDisk) {
  const ModelConfig model = small_hugging_face_model(Architecture::kLlama);
  MemorySource source(model);
  TestFileSystem fs;
  fs.set_capacity(100);
  const auto path = copy_checkpoint(fs, "/run", {}, source, parameters(model));
  ASSERT_FALSE(path.ok());
  EXPECT_EQ(path.error().kind, ErrorKind::kResource);
  EXPECT_TRUE(fs.list("/run")->empty());
}

}  // namespace
}  // namespace tutti
