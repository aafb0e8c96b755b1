#include "train/model_tensors.h"

#include <gtest/gtest.h>

#include "base/test_file_system.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/save.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

template <typename T>
std::span<const char> bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <typename T>
ModelTensor tensor_in(std::vector<T>& values, const std::string& name, DType dtype, Sizes sizes) {
  return {.name = name,
          .dtype = dtype,
          .sizes = sizes,
          .boxes = {whole_box(sizes)},
          .bytes = {reinterpret_cast<char*>(values.data()), values.size() * sizeof(T)}};
}

// Neither representable nor of one size: the digits of i sqrt(2).
std::vector<float> numbers(int64_t count) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i % 4099) * 1.41421356f);
  return values;
}

class LoadTensors : public testing::Test {
 protected:
  Checkpoint saved(const SnapshotTensor& tensor) {
    Snapshot snapshot;
    snapshot.tensors.push_back(tensor);
    const auto directory = save_checkpoint(fs_, "/run", snapshot);
    TUTTI_CHECK(directory.ok(), "{}", directory.message());
    auto checkpoint = load_checkpoint(fs_, *directory);
    TUTTI_CHECK(checkpoint.ok(), "{}", checkpoint.message());
    return std::move(checkpoint).value();
  }

  TestFileSystem fs_;
};

TEST_F(LoadTensors, RoundsF32ToBf16) {
  const Sizes sizes{50, 300};
  const std::vector<float> wide = numbers(element_count(sizes));
  Checkpoint checkpoint = saved({.name = "w", .sizes = sizes, .bytes = bytes_of(wide)});
  std::vector<uint16_t> narrow(wide.size());
  const Status status =
      load_tensors(checkpoint, {tensor_in(narrow, "w", DType::kBF16, sizes)}, StoredAs::kAnyFloat);
  ASSERT_TRUE(status.ok()) << status.message();
  for (size_t i = 0; i < wide.size(); ++i) ASSERT_EQ(narrow[i], f32_to_bf16(wide[i])) << i;
}

TEST_F(LoadTensors, WidensBf16AndKeepsWhatIsEqual) {
  std::vector<uint16_t> stored;
  for (const float x : numbers(6)) stored.push_back(f32_to_bf16(x));
  Checkpoint checkpoint =
      saved({.name = "w", .dtype = DType::kBF16, .sizes = {2, 3}, .bytes = bytes_of(stored)});
  std::vector<float> wide(6);
  std::vector<uint16_t> narrow(6);
  ASSERT_TRUE(
      load_tensors(checkpoint, {tensor_in(wide, "w", DType::kF32, {2, 3})}, StoredAs::kAnyFloat)
          .ok());
  ASSERT_TRUE(
      load_tensors(checkpoint, {tensor_in(narrow, "w", DType::kBF16, {2, 3})}, StoredAs::kAnyFloat)
          .ok());
  EXPECT_EQ(narrow, stored);
  for (size_t i = 0; i < wide.size(); ++i) EXPECT_EQ(wide[i], bf16_to_f32(stored[i]));
}

TEST_F(LoadTensors, ReadsAScalar) {
  const std::vector<float> stored = {1.41421356f};
  Checkpoint checkpoint = saved({.name = "x", .sizes = {}, .bytes = bytes_of(stored)});
  std::vector<uint16_t> narrow(1);
  ASSERT_TRUE(
      load_tensors(checkpoint, {tensor_in(narrow, "x", DType::kBF16, {})}, StoredAs::kAnyFloat)
          .ok());
  EXPECT_EQ(narrow[0], f32_to_bf16(stored[0]));
}

TEST_F(LoadTensors, ReadsWhatARankHoldsBoxAfterBox) {
  const Sizes sizes{3, 5};
  const std::vector<float> whole = numbers(15);
  Checkpoint checkpoint = saved({.name = "w", .sizes = sizes, .bytes = bytes_of(whole)});
  std::vector<float> same(9);
  std::vector<uint16_t> rounded(9);
  ModelTensor as_stored = tensor_in(same, "w", DType::kF32, sizes);
  ModelTensor converted = tensor_in(rounded, "w", DType::kBF16, sizes);
  as_stored.boxes = converted.boxes = flat_range_boxes(sizes, 3, 12);
  const Status status = load_tensors(checkpoint, {as_stored, converted}, StoredAs::kAnyFloat);
  ASSERT_TRUE(status.ok()) << status.message();
  for (size_t i = 0; i < same.size(); ++i) {
    EXPECT_EQ(same[i], whole[i + 3]);
    EXPECT_EQ(rounded[i], f32_to_bf16(whole[i + 3]));
  }
}

TEST_F(LoadTensors, ARankThatHoldsNothingOfATensorChecksItAndDoesNotWriteIt) {
  const std::vector<float> whole = numbers(6);
  Checkpoint checkpoint = saved({.name = "w", .sizes = {6}, .bytes = bytes_of(whole)});
  ModelTensor nothing{.name = "w", .sizes = {6}, .boxes = {}, .bytes = {}, .written = false};
  EXPECT_TRUE(load_tensors(checkpoint, {nothing}).ok());
  EXPECT_TRUE(snapshot_tensors({nothing}).empty());
  nothing.sizes = {7};
  EXPECT_FALSE(load_tensors(checkpoint, {nothing}).ok());
}

TEST_F(LoadTensors, NamesWhatIsMissingOrDiffersAndChangesNothing) {
  const std::vector<int64_t> stored = {1, 2};
  Checkpoint checkpoint =
      saved({.name = "n", .dtype = DType::kI64, .sizes = {2}, .bytes = bytes_of(stored)});
  std::vector<float> into = {7, 8};
  const auto message = [&](const std::string& name, Sizes sizes) {
    return load_tensors(checkpoint, {tensor_in(into, name, DType::kF32, std::move(sizes))},
                        StoredAs::kAnyFloat)
        .message();
  };
  EXPECT_NE(message("n", {2}).find("tensor \"n\" is i64[2], the model has f32[2]"),
            std::string::npos)
      << message("n", {2});
  EXPECT_NE(message("other", {2}).find("no tensor \"other\""), std::string::npos);
  EXPECT_EQ(into, (std::vector<float>{7, 8}));
}

}  // namespace
}  // namespace tutti
