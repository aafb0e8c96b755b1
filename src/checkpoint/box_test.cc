#include "checkpoint/box.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace tutti {
namespace {

TEST(CheckTiling, AcceptsExactCoversOnly) {
  const Sizes sizes = {4, 6};
  const Box left = {{0, 0}, {4, 2}}, right = {{0, 2}, {4, 4}};
  EXPECT_TRUE(check_tiling(std::vector{left, right}, sizes, "w").ok());
  EXPECT_TRUE(check_tiling(std::vector{Box{}}, Sizes{}, "scalar").ok());

  const Status missing = check_tiling(std::vector{left}, sizes, "w");
  EXPECT_EQ(missing.message(), "w: the boxes hold 8 of 24 elements");
  const Status overlap = check_tiling(std::vector{left, Box{{3, 1}, {1, 4}}}, sizes, "w");
  EXPECT_NE(overlap.message().find("[0:4, 0:2] and [3:4, 1:5] overlap"), std::string::npos)
      << overlap.message();
  EXPECT_FALSE(check_tiling(std::vector{left, left, left}, sizes, "w").ok());
  EXPECT_FALSE(check_tiling(std::vector{Box{}, Box{}}, Sizes{}, "scalar").ok());
}

TEST(CheckTiling, AcceptsAPinwheelWhichNoCutDivides) {
  const std::vector<Box> pinwheel = {
      {{0, 0}, {1, 2}}, {{0, 2}, {2, 1}}, {{2, 1}, {1, 2}}, {{1, 0}, {2, 1}}, {{1, 1}, {1, 1}}};
  EXPECT_TRUE(check_tiling(pinwheel, Sizes{3, 3}, "w").ok());
}

TEST(CheckBox, RefusesWhatLiesOutsideWithoutOverflow) {
  const Sizes sizes = {4};
  EXPECT_TRUE(check_box({{0}, {4}}, sizes, "w").ok());
  EXPECT_FALSE(check_box({{1}, {4}}, sizes, "w").ok());
  EXPECT_FALSE(check_box({{0}, {0}}, sizes, "w").ok());
  EXPECT_FALSE(check_box({{-1}, {2}}, sizes, "w").ok());
  EXPECT_FALSE(check_box({{INT64_MAX}, {INT64_MAX}}, sizes, "w").ok());
  EXPECT_FALSE(check_box({{0, 0}, {1, 1}}, sizes, "w").ok());
}

// The flat indices of a box's elements in row-major order, one by one.
Sizes flat_indices(const Box& box, const Sizes& sizes) {
  Sizes indices;
  const int64_t count = element_count(box.size);
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, flat = 0, stride = 1;
    for (size_t d = sizes.size(); d-- > 0;) {
      flat += (box.offset[d] + rest % box.size[d]) * stride;
      rest /= box.size[d];
      stride *= sizes[d];
    }
    indices.push_back(flat);
  }
  return indices;
}

TEST(FlatRangeBoxes, HoldExactlyTheRangeInOrder) {
  for (const Sizes& sizes : {Sizes{}, Sizes{7}, Sizes{3, 4}, Sizes{2, 3, 4}, Sizes{1, 5, 1, 3}}) {
    const int64_t total = element_count(sizes);
    for (int64_t begin = 0; begin <= total; ++begin) {
      for (int64_t end = begin; end <= total; ++end) {
        Sizes found;
        const std::vector<Box> boxes = flat_range_boxes(sizes, begin, end);
        for (const Box& box : boxes) {
          ASSERT_TRUE(check_box(box, sizes, "range").ok());
          const Sizes part = flat_indices(box, sizes);
          found.insert(found.end(), part.begin(), part.end());
        }
        Sizes expected(static_cast<size_t>(end - begin));
        std::iota(expected.begin(), expected.end(), begin);
        ASSERT_EQ(found, expected) << sizes_text(sizes) << " " << begin << ":" << end;
        ASSERT_LE(boxes.size(), std::max<size_t>(1, 2 * sizes.size()));
      }
    }
  }
}

TEST(ForEachRun, CopiesEveryElementOnceInTheLongestRuns) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const auto draw = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  for (int round = 0; round < 500; ++round) {
    const size_t dims = static_cast<size_t>(draw(0, 4));
    Sizes sizes;
    for (size_t d = 0; d < dims; ++d) sizes.push_back(draw(1, 5));
    const auto random_box = [&] {
      Box box = whole_box(sizes);
      for (size_t d = 0; d < dims; ++d) {
        box.offset[d] = draw(0, sizes[d] - 1);
        box.size[d] = draw(1, sizes[d] - box.offset[d]);
      }
      return box;
    };
    const Box source = random_box(), target = random_box();
    const std::optional<Box> part = intersect(source, target);
    if (!part) continue;
    const Sizes from_values = flat_indices(source, sizes), wanted = flat_indices(target, sizes);
    Sizes out(wanted.size(), -1);
    int64_t copied = 0;
    const Status status =
        for_each_run(*part, source, target, [&](int64_t from, int64_t to, int64_t count) {
          for (int64_t i = 0; i < count; ++i) {
            EXPECT_EQ(out.at(static_cast<size_t>(to + i)), -1);
            out.at(static_cast<size_t>(to + i)) = from_values.at(static_cast<size_t>(from + i));
          }
          copied += count;
          return Status();
        });
    ASSERT_TRUE(status.ok());
    ASSERT_EQ(copied, element_count(part->size));
    for (size_t i = 0; i < out.size(); ++i) {
      if (out[i] >= 0) {
        ASSERT_EQ(out[i], wanted[i]);
      }
    }
  }
}

TEST(ForEachRun, MakesOneRunOfWhatIsContiguousInBoth) {
  int runs = 0;
  const Box whole = whole_box(Sizes{4, 5, 6}), rows = {{1, 0, 0}, {2, 5, 6}};
  ASSERT_TRUE(for_each_run(rows, whole, rows, [&](int64_t from, int64_t to, int64_t count) {
                EXPECT_EQ(from, 30);
                EXPECT_EQ(to, 0);
                EXPECT_EQ(count, 60);
                ++runs;
                return Status();
              }).ok());
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace tutti
