#include "tensor/view.h"

#include <gtest/gtest.h>

#include <numeric>

namespace tutti {
namespace {

TEST(Shape, CountsElementsAndRefusesWhatDoesNotFit) {
  EXPECT_EQ(*checked_element_count({}, DType::kF32), 1);
  EXPECT_EQ(*checked_element_count({2, 3, 4}, DType::kF32), 24);
  EXPECT_EQ(*checked_element_count({int64_t{1} << 62, 0, 9}, DType::kF32), 0);
  EXPECT_FALSE(checked_element_count({2, -1}, DType::kF32).ok());
  EXPECT_FALSE(checked_element_count({int64_t{1} << 32, int64_t{1} << 32}, DType::kU8).ok());
  EXPECT_FALSE(checked_element_count({int64_t{1} << 61}, DType::kF64).ok()) << "bytes overflow";
  EXPECT_TRUE(checked_element_count({int64_t{1} << 61}, DType::kU8).ok());
  EXPECT_EQ(dense_strides({2, 3, 4}), (Sizes{12, 4, 1}));
  EXPECT_EQ(sizes_text({2, 3}), "[2, 3]");
}

TEST(View, KnowsWhetherItIsDense) {
  float data[24];
  TensorView view = dense_view(data, DType::kF32, {2, 3, 4});
  EXPECT_TRUE(view.dense());
  EXPECT_EQ(view.bytes(), 96u);
  EXPECT_EQ(view.span_bytes(), 96u);
  const TensorView rows = narrow(view, 0, 1, 1);
  EXPECT_TRUE(rows.dense());
  EXPECT_EQ(rows.as<float>(), data + 12);
  const TensorView columns = narrow(view, 2, 1, 2);
  EXPECT_FALSE(columns.dense());
  EXPECT_EQ(columns.bytes(), 48u);
  EXPECT_EQ(columns.span_bytes(), (1 * 12 + 2 * 4 + 1 + 1) * sizeof(float));
  EXPECT_TRUE(narrow(view, 2, 4, 0).dense()) << "empty";
  EXPECT_EQ(narrow(view, 2, 4, 0).span_bytes(), 0u);
}

TEST(View, CopiesBetweenLayouts) {
  std::vector<int32_t> source(24), target(24, -1);
  std::iota(source.begin(), source.end(), 0);
  const TensorView from = dense_view(source.data(), DType::kI32, {2, 3, 4});
  TensorView to = dense_view(target.data(), DType::kI32, {2, 3, 4});
  copy_elements(narrow(to, 2, 1, 2), narrow(from, 2, 1, 2));
  for (int i = 0; i < 24; ++i) EXPECT_EQ(target[i], i % 4 == 1 || i % 4 == 2 ? i : -1) << i;
  TensorView transposed = dense_view(target.data(), DType::kI32, {4, 3, 2});
  std::swap(transposed.sizes[0], transposed.sizes[2]);
  std::swap(transposed.strides[0], transposed.strides[2]);
  copy_elements(transposed, from);
  for (int i = 0; i < 24; ++i) {
    EXPECT_EQ(target[i % 4 * 6 + i / 4 % 3 * 2 + i / 12], i);
  }
}

TEST(View, CopiesAScalar) {
  double a = 3, b = 0;
  copy_elements(dense_view(&b, DType::kF64, {}), dense_view(&a, DType::kF64, {}));
  EXPECT_EQ(b, 3);
}

TEST(ViewDeathTest, ReadingAsAnotherSizeIsABug) {
  float x = 0;
  const TensorView view = dense_view(&x, DType::kF32, {1});
  EXPECT_DEATH(view.as<double>(), "8 bytes as f32");
  EXPECT_DEATH(narrow(view, 0, 1, 1), "dim 0 from 1");
}

}  // namespace
}  // namespace tutti
