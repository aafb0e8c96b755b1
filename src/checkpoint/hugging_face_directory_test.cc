#include "checkpoint/hugging_face_directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/json.h"
#include "base/test_file_system.h"
#include "checkpoint/hugging_face_files.h"
#include "checkpoint/test_hugging_face.h"

namespace tutti {
namespace {

const ModelConfig kGpt2 = small_hugging_face_model(Architecture::kGpt2);
const ModelConfig kLlama = small_hugging_face_model(Architecture::kLlama);

class HuggingFaceDirectoryTest : public testing::Test {
 protected:
  // A model of Llama with other tensors than it has.
  void put(const std::vector<StoredTensor>& tensors, const ModelConfig& model = kLlama) {
    put_hugging_face_config(fs_, "/m", model);
    put_file(fs_, "/m/model.safetensors", safetensors_file(tensors));
  }
  // Two shards, and an index whose text `change` may alter.
  void put_shards(const std::function<void(Json&)>& change = {}) {
    put_hugging_face_config(fs_, "/m", kLlama);
    std::vector<StoredTensor> tensors = stored_tensors(kLlama), shards[2];
    Json index = {{"metadata", {{"total_size", 0}}}};
    for (size_t i = 0; i < tensors.size(); ++i) {
      index["weight_map"][tensors[i].name] = fmt::format("part-{}.safetensors", i % 2);
      shards[i % 2].push_back(tensors[i]);
    }
    for (size_t i = 0; i < 2; ++i) {
      put_file(fs_, fmt::format("/m/part-{}.safetensors", i), safetensors_file(shards[i]));
    }
    if (change) change(index);
    put_file(fs_, "/m/model.safetensors.index.json", index.dump());
  }
  std::string error() {
    const auto directory = HuggingFaceDirectory::open(fs_, "/m");
    if (directory.ok()) return "accepted";
    EXPECT_EQ(directory.message().find('\n'), std::string::npos) << directory.message();
    return directory.message();
  }
  void expect_error(const std::string& expected) {
    const std::string message = error();
    EXPECT_NE(message.find(expected), std::string::npos) << message;
  }

  TestFileSystem fs_;
};

std::vector<float> stored_of(const ModelConfig& model, const std::string& name) {
  for (const StoredTensor& tensor : stored_tensors(model)) {
    if (tensor.name == name) return tensor.values;
  }
  ADD_FAILURE() << name;
  return {};
}

TEST_F(HuggingFaceDirectoryTest, ReadsLlamasTensorsAsTheyAre) {
  put_hugging_face_model(fs_, "/m", kLlama);
  auto directory = HuggingFaceDirectory::open(fs_, "/m");
  ASSERT_TRUE(directory.ok()) << directory.message();
  EXPECT_EQ(directory->model(), kLlama);
  EXPECT_EQ(directory->type_of("layers.1.attn.q.weight")->sizes, (Sizes{2, 2, 2, 8}));
  EXPECT_EQ(read_values(*directory, "layers.1.attn.q.weight"),
            stored_of(kLlama, "model.layers.1.self_attn.q_proj.weight"));
  EXPECT_EQ(read_values(*directory, "head.weight"), stored_of(kLlama, "lm_head.weight"));
  EXPECT_FALSE(directory->type_of("nothing").has_value());
  EXPECT_EQ(directory->read("nothing", {}).error().kind, ErrorKind::kNotFound);
}

TEST_F(HuggingFaceDirectoryTest, TransposesGpt2AndSplitsQueriesKeysAndValues) {
  put_hugging_face_model(fs_, "/m", kGpt2);
  auto directory = HuggingFaceDirectory::open(fs_, "/m");
  ASSERT_TRUE(directory.ok()) << directory.message();
  const std::vector<float> fused = stored_of(kGpt2, "transformer.h.1.attn.c_attn.weight");
  const std::vector<float> bias = stored_of(kGpt2, "transformer.h.1.attn.c_attn.bias");
  for (size_t third = 0; third < 3; ++third) {
    const std::string name = std::string("layers.1.attn.") + "qkv"[third];
    const std::vector<float> weight = read_values(*directory, name + ".weight");
    const std::vector<float> part = read_values(*directory, name + ".bias");
    for (size_t out = 0; out < 8; ++out) {
      EXPECT_EQ(part[out], bias[third * 8 + out]);
      for (size_t in = 0; in < 8; ++in) {
        EXPECT_EQ(weight[out * 8 + in], fused[in * 24 + third * 8 + out]);
      }
    }
  }
}

TEST_F(HuggingFaceDirectoryTest, ConvertsSixteenBitTypes) {
  for (const std::string dtype : {"BF16", "F16"}) {
    std::vector<StoredTensor> tensors = stored_tensors(kLlama);
    for (StoredTensor& tensor : tensors) tensor.dtype = dtype;
    put(tensors);
    auto directory = HuggingFaceDirectory::open(fs_, "/m");
    ASSERT_TRUE(directory.ok()) << directory.message();
    EXPECT_EQ(dtype_info(directory->stored_dtype()).safetensors, dtype);
    EXPECT_EQ(read_values(*directory, "layers.0.mlp.down.weight"), tensors[9].values);
  }
}

TEST_F(HuggingFaceDirectoryTest, ReadsShards) {
  put_shards();
  auto directory = HuggingFaceDirectory::open(fs_, "/m");
  ASSERT_TRUE(directory.ok()) << directory.message();
  EXPECT_EQ(directory->files(), 2u);
  EXPECT_EQ(read_values(*directory, "final_norm.weight"), stored_of(kLlama, "model.norm.weight"));
}

TEST_F(HuggingFaceDirectoryTest, RefusesAnIndexThatDoesNotMatch) {
  put_shards([](auto& index) { index["weight_map"]["model.norm.weight"] = "../x.safetensors"; });
  expect_error("\"../x.safetensors\", expected the plain name");
  put_shards([](auto& index) { index["weight_map"]["model.norm.weight"] = "part-9.safetensors"; });
  expect_error("tensor \"model.norm.weight\" is in part-9.safetensors, which is not there");
  put_shards([](auto& index) { index["weight_map"]["model.other"] = "part-0.safetensors"; });
  expect_error("tensor \"model.other\" is not in part-0.safetensors");
  put_shards([](auto& index) { index["weight_map"].erase("model.norm.weight"); });
  expect_error("tensor \"model.norm.weight\" of part-");
  put_shards([](auto& index) { index["weight_map"]["model.norm.weight"] = 3; });
  expect_error("is of type number, expected a string");
  put_shards([](auto& index) { index.erase("weight_map"); });
  expect_error("\"weight_map\" is missing");
}

TEST_F(HuggingFaceDirectoryTest, RefusesATensorThatIsInTwoShards) {
  put_shards();
  std::vector<StoredTensor> twice;
  for (const StoredTensor& tensor : stored_tensors(kLlama)) {
    if (twice.size() < 2) twice.push_back(tensor);
  }
  put_file(fs_, "/m/part-1.safetensors", safetensors_file(twice));
  expect_error("is also in /m/part-0.safetensors");
}

TEST_F(HuggingFaceDirectoryTest, RefusesTensorsThatAreNotTheModels) {
  const std::vector<StoredTensor> good = stored_tensors(kLlama);
  std::vector<StoredTensor> tensors = good;
  tensors.erase(tensors.begin() + 3);
  put(tensors);
  expect_error("tensor \"" + good[3].name + "\" [4, 8] is missing");
  tensors = good;
  tensors.push_back({"model.layers.0.self_attn.q_proj.bias", "F32", {1}, {0}});
  put(tensors);
  expect_error("\"model.layers.0.self_attn.q_proj.bias\" is not one of the model");
  tensors = good;
  tensors[0].sizes = {8, 10};
  put(tensors);
  expect_error("\"model.embed_tokens.weight\" is [8, 10], config.json says [10, 8]");
  tensors = good;
  tensors[0].dtype = "I32";
  put(tensors);
  expect_error("\"model.embed_tokens.weight\" has dtype I32, expected F32, F16 or BF16");
  tensors[0] = {good[0].name, "F8_E4M3", {10, 8}, {}, std::string(80, 'x')};
  put(tensors);
  expect_error("has dtype F8_E4M3");
  put_file(fs_, "/m/model.safetensors", safetensors_file(good, "tf"));
  expect_error("metadata format = \"tf\"");
}

TEST_F(HuggingFaceDirectoryTest, ToleratesBuffersOfOlderFilesAndNamesWithoutThePrefix) {
  std::vector<StoredTensor> tensors = stored_tensors(kGpt2);
  for (StoredTensor& tensor : tensors) tensor.name = tensor.name.substr(12);
  tensors.push_back({"h.0.attn.bias", "BOOL", {1, 1, 4, 4}, {}, std::string(16, '\1')});
  tensors.push_back({"h.0.attn.masked_bias", "F32", {}, {-1e4f}});
  tensors.push_back({"lm_head.weight", "F32", {10, 8}, tensors[0].values});
  put(tensors, kGpt2);
  auto directory = HuggingFaceDirectory::open(fs_, "/m");
  ASSERT_TRUE(directory.ok()) << directory.message();
  EXPECT_EQ(read_values(*directory, "embed.weight"), tensors[0].values);
  tensors.back().values[7] += 1;
  put(tensors, kGpt2);
  expect_error("\"lm_head.weight\" is not the embedding, but config.json has tie_word_embeddings");
}

TEST_F(HuggingFaceDirectoryTest, SaysWhatIsNotThere) {
  expect_error("/m/config.json");
  put_hugging_face_config(fs_, "/m", kLlama);
  expect_error("neither model.safetensors nor model.safetensors.index.json is there");
  put_file(fs_, "/m/pytorch_model.bin", "pickle");
  expect_error("pytorch_model.bin is a pickle");
  put_file(fs_, "/m/model.safetensors", std::string("\xff\0\0\0\0\0\0\0{}", 10));
  expect_error("the header's length is 255, but only 2 bytes follow");
}

TEST_F(HuggingFaceDirectoryTest, ReadsBoxesOfWhatIsStoredEitherWay) {
  for (const ModelConfig& model : {kGpt2, kLlama}) {
    put(stored_tensors(model), model);
    auto directory = HuggingFaceDirectory::open(fs_, "/m");
    ASSERT_TRUE(directory.ok()) << directory.message();
    for (const HuggingFacePart& part : directory->layout().parts) {
      const std::vector<float> whole = read_values(*directory, part.parameter);
      const auto count = static_cast<int64_t>(whole.size());
      const std::vector<Box> boxes = flat_range_boxes(part.sizes, 1, count - 1);
      std::vector<float> inner(whole.size() - 2);
      const std::span<char> bytes{reinterpret_cast<char*>(inner.data()), inner.size() * 4};
      const Status status = directory->read_boxes(part.parameter, boxes, bytes);
      ASSERT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(inner, std::vector<float>(whole.begin() + 1, whole.end() - 1)) << part.parameter;
      if (part.sizes.size() == 2 && part.sizes[1] > 2) {
        const Box columns{{0, 1}, {part.sizes[0], 2}};
        std::vector<float> few(static_cast<size_t>(part.sizes[0] * 2));
        const std::span<char> few_bytes{reinterpret_cast<char*>(few.data()), few.size() * 4};
        ASSERT_TRUE(directory->read_boxes(part.parameter, std::span(&columns, 1), few_bytes).ok());
        for (size_t i = 0; i < few.size(); ++i) {
          const size_t at = i / 2 * static_cast<size_t>(part.sizes[1]) + 1 + i % 2;
          EXPECT_EQ(few[i], whole[at]) << part.parameter;
        }
      }
      Box outside = whole_box(part.sizes);
      outside.size[0] += 1;
      EXPECT_EQ(directory->read_boxes(part.parameter, std::span(&outside, 1), bytes).error().kind,
                ErrorKind::kInvalidArgument);
    }
    EXPECT_EQ(directory->read_boxes("no", {}, {}).error().kind, ErrorKind::kNotFound);
  }
}

// Links on a real disk: only those of the hub's cache are followed.
TEST(HuggingFaceFiles, FollowsOnlyLinksOfTheHubsCache) {
  const auto fs = make_posix_file_system();
  const std::string root = join_path(testing::TempDir(), fmt::format("hub-{}", ::getpid()));
  put_file(*fs, root + "/blobs/abc", "{}");
  put_file(*fs, root + "/secret", "{}");
  ASSERT_TRUE(fs->create_directories(root + "/snapshots/1").ok());
  const auto link = [&](const char* target, const char* name) {
    const std::string path = root + "/snapshots/1/" + name;
    EXPECT_EQ(::symlink(target, path.c_str()), 0);
    return path;
  };
  EXPECT_TRUE(check_hugging_face_file(*fs, link("../../blobs/abc", "good")).ok());
  EXPECT_TRUE(check_hugging_face_file(*fs, root + "/secret").ok());
  const Status out = check_hugging_face_file(*fs, link("../../secret", "bad"));
  ASSERT_FALSE(out.ok());
  EXPECT_NE(out.message().find("symbolic link to ../../secret"), std::string::npos);
  EXPECT_FALSE(check_hugging_face_file(*fs, link("../../blobs/../secret", "worse")).ok());
  EXPECT_FALSE(check_hugging_face_file(*fs, link("../../blobs/no", "dangling")).ok());
  EXPECT_FALSE(check_hugging_face_file(*fs, root + "/blobs").ok());
  EXPECT_EQ(check_hugging_face_file(*fs, root + "/no").error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(remove_tree(*fs, root).ok());
}

TEST(HuggingFaceFiles, KeepsWhatIsThere) {
  TestFileSystem fs;
  put_file(fs, "/m/chat_template.jinja", "{{ x }}");
  put_file(fs, "/m/config.json", "{}");
  put_file(fs, "/m/README.md", "no");
  const auto kept = keep_hugging_face_files(fs, "/m", "/run/hugging_face");
  ASSERT_TRUE(kept.ok()) << kept.message();
  EXPECT_EQ(*kept, (std::vector<std::string>{"chat_template.jinja", "config.json"}));
  EXPECT_EQ(read_file(fs, "/run/hugging_face/chat_template.jinja").value(), "{{ x }}");
  EXPECT_EQ(kept_hugging_face_files(fs, "/run/hugging_face"), *kept);
  EXPECT_TRUE(kept_hugging_face_files(fs, "/nowhere").empty());
}

}  // namespace
}  // namespace tutti
