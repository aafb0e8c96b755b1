#include "partition/recompute_choice.h"

#include <gtest/gtest.h>

#include <random>

#include "base/test_seed.h"

namespace tutti {
namespace {

ForwardBlock::ForwardOp made(std::vector<int> inputs, int64_t bytes, double cost, bool needed) {
  ForwardBlock::ForwardOp op;
  op.inputs = std::move(inputs);
  op.bytes = bytes;
  op.cost = cost;
  op.needed = needed;
  return op;
}

// in -> a (needed) -> b -> c (needed), d (needed) from a.
ForwardBlock small_block() {
  ForwardBlock block;
  block.ops = {made({}, 100, 5, true), made({0}, 40, 7, false), made({1}, 60, 2, true),
               made({0}, 30, 1, true)};
  return block;
}

TEST(RecomputeChoice, KeepsWhatIsNeededAndRepeatsWhatItIsTold) {
  const BlockChoice none = choose(small_block(), {false, false, false, false});
  EXPECT_EQ(none.bytes, 190);
  EXPECT_EQ(none.cost, 0);
  // c again: b must be kept for it, or run again from a.
  const BlockChoice c = choose(small_block(), {false, false, true, false});
  EXPECT_EQ(c.bytes, 170);
  EXPECT_EQ(c.cost, 2);
  const BlockChoice both = choose(small_block(), {false, true, true, false});
  EXPECT_EQ(both.bytes, 130);
  EXPECT_EQ(both.cost, 9);
}

TEST(RecomputeChoice, CheapOpsAreRepeatedWhereTheirInputsAreThere) {
  ForwardBlock block = small_block();
  block.ops[3].cheap = true;
  EXPECT_EQ(choose(block, std::vector<bool>(4, false)).bytes, 160);
  block.ops[0].needed = false;  // then a would have to be kept for d
  EXPECT_EQ(choose(block, std::vector<bool>(4, false)).bytes, 60 + 30);
}

TEST(RecomputeChoice, WhatOthersReadIsKept) {
  ForwardBlock block = small_block();
  block.ops[2].boundary = true;
  EXPECT_EQ(choose(block, std::vector<bool>(4, true)).bytes, 60);
}

TEST(RecomputeChoice, AFitIsAsCheapAsTheBestOfAllWays) {
  std::mt19937 random(test_seed());
  for (int n = 0; n < 50; ++n) {
    std::vector<ForwardBlock> blocks(1 + random() % 3);
    size_t ops = 0;
    for (ForwardBlock& block : blocks) {
      const auto count = static_cast<int>(1 + random() % 4);
      for (int i = 0; i < count; ++i) {
        std::vector<int> inputs;
        for (int k = 0; k < i; ++k) {
          if (random() % 2 == 0) inputs.push_back(k);
        }
        block.ops.push_back(made(inputs, 1 + random() % 9, 1 + random() % 9, random() % 2 == 0));
      }
      ops += block.ops.size();
    }
    const auto limit = static_cast<int64_t>(random() % 40);
    double best = -1;
    for (size_t mask = 0; mask < size_t{1} << ops; ++mask) {
      int64_t bytes = 0;
      double cost = 0;
      size_t bit = 0;
      for (const ForwardBlock& block : blocks) {
        std::vector<bool> repeats;
        for (size_t i = 0; i < block.ops.size(); ++i) repeats.push_back(mask >> bit++ & 1);
        const BlockChoice choice = choose(block, repeats);
        bytes += choice.bytes;
        cost += choice.cost;
      }
      if (bytes <= limit && (best < 0 || cost < best)) best = cost;
    }
    const auto fitted = fit(blocks, limit);
    ASSERT_EQ(fitted.ok(), best >= 0);
    if (!fitted.ok()) continue;
    double cost = 0;
    for (const BlockChoice& choice : *fitted) cost += choice.cost;
    EXPECT_EQ(cost, best);
  }
}

}  // namespace
}  // namespace tutti
