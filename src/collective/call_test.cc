#include "collective/call.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

Call call(CallKind kind, int64_t count) {
  return {.kind = kind, .dtype = DType::kF32, .count = count, .name = "x"};
}

TEST(Call, BytesOnTheWireAreThoseOfTheOptimalAlgorithms) {
  // 4 ranks, 12 elements of 4 bytes: a reduction scatters 3/4 of each rank's 48 bytes and gathers
  // as much.
  EXPECT_EQ(wire_bytes(call(CallKind::kAllReduce, 12), 4), 4 * 2 * 48 * 3 / 4);
  EXPECT_EQ(wire_bytes(call(CallKind::kReduceScatter, 3), 4), 4 * 48 * 3 / 4);
  EXPECT_EQ(wire_bytes(call(CallKind::kAllGather, 3), 4), 4 * 48 * 3 / 4);
  EXPECT_EQ(wire_bytes(call(CallKind::kAllToAll, 3), 4), 4 * 48 * 3 / 4);
  EXPECT_EQ(wire_bytes(call(CallKind::kBroadcast, 12), 4), 3 * 48);
  EXPECT_EQ(wire_bytes(call(CallKind::kSend, 12), 4), 48);
  EXPECT_EQ(wire_bytes(call(CallKind::kReceive, 12), 4), 0);
  EXPECT_EQ(wire_bytes(call(CallKind::kSendReceive, 12), 4), 4 * 48);
  EXPECT_EQ(wire_bytes(call(CallKind::kAllReduce, 12), 1), 0);
}

TEST(Call, ATextNamesAllThatRanksMustAgreeOn) {
  Call sum = call(CallKind::kAllReduce, 12);
  sum.reduce = Reduce::kSum;
  EXPECT_EQ(to_string(sum), "all_reduce of %x: 12 x f32, sum");
  Call from = call(CallKind::kBroadcast, 1);
  from.root = 2;
  EXPECT_EQ(to_string(from), "broadcast of %x: 1 x f32, from 2");
  EXPECT_EQ(to_string(call(CallKind::kBarrier, 0)), "barrier x");
}

TEST(Call, CountsAdd) {
  WireCount a, b;
  a.calls[0] = 1;
  a.bytes[0] = 10;
  b.calls[2] = 2;
  b.bytes[2] = 5;
  a += b;
  EXPECT_EQ(a.calls[2], 2);
  EXPECT_EQ(a.total_bytes(), 15);
}

}  // namespace
}  // namespace tutti
