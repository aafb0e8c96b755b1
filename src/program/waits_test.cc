// Bodies of four storages: 0 a bucket at rest, 1 its gathered form, 2 and 3 what compute works on.
#include "program/waits.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

Instruction compute(int block) {
  Instruction i;
  i.block = block;
  return i;
}

Instruction gather(int block, const std::string& axes) {
  Instruction i;
  i.kind = OpKind::kAllGather;
  i.lane = LaneKind::kCommunication;
  i.attributes = {{"axes", axes}};
  i.block = block;
  return i;
}

Body body_of(std::vector<Instruction> instructions) {
  Body body;
  body.instructions = std::move(instructions);
  return body;
}

std::vector<InstructionRef> waits_of(const Body& body, size_t index) {
  return body.instructions[index].waits;
}

TEST(Waits, TheFirstReaderOfAResultWaitsForIt) {
  Body body = body_of({gather(0, "shard2"), compute(0), compute(0)});
  const auto done =
      add_waits(body, 0, {{{0}, {1}}, {{2}, {3}}, {{1}, {3}}}, {false, false, false}, 1);
  EXPECT_EQ(done[0], 2);
  EXPECT_TRUE(waits_of(body, 1).empty());
  EXPECT_EQ(waits_of(body, 2), (std::vector<InstructionRef>{{0, 0}}));
}

TEST(Waits, WhoWritesWhatIsBeingSentWaits) {
  Body body = body_of({gather(0, "shard2"), compute(0)});
  const auto done = add_waits(body, 0, {{{0}, {1}}, {{2}, {0}}}, {false, false}, 1);
  EXPECT_EQ(done[0], 1);
  EXPECT_EQ(waits_of(body, 1), (std::vector<InstructionRef>{{0, 0}}));
}

TEST(Waits, MemoryThatDoesNotLastIsFreedALagOfBlocksLater) {
  const std::vector<Access> accesses = {{{0}, {1}}, {{2}, {3}}, {{2}, {3}}, {{2}, {3}}};
  for (int lag : {0, 1}) {
    Body body = body_of({gather(5, "dp2"), compute(4), compute(3), compute(2)});
    const auto done = add_waits(body, 0, accesses, {false, false, false, false}, lag);
    EXPECT_EQ(done[0], lag + 1);
    EXPECT_EQ(waits_of(body, static_cast<size_t>(lag) + 1), (std::vector<InstructionRef>{{0, 0}}));
  }
}

TEST(Waits, WhatLastsIsWaitedForOnlyByItsUsers) {
  Body body = body_of({gather(5, "dp2"), compute(4), compute(3), compute(2)});
  const auto done = add_waits(body, 0, {{{0}, {0}}, {{2}, {3}}, {{2}, {3}}, {{2}, {3}}},
                              {true, false, false, false}, 0);
  EXPECT_EQ(done[0], 4);
  EXPECT_TRUE(body.instructions[0].outlasts_body);
}

TEST(Waits, OneLaneIsInOrderAndAnotherLaneWaitsItself) {
  Body body = body_of({gather(0, "shard2"), gather(0, "shard2"), gather(0, "dp2"), compute(0)});
  const std::vector<Access> accesses = {{{0}, {1}}, {{1}, {2}}, {{2}, {3}}, {{3}, {0}}};
  const auto done = add_waits(body, 0, accesses, {false, false, false, false}, 1);
  EXPECT_TRUE(waits_of(body, 1).empty());
  EXPECT_EQ(waits_of(body, 2), (std::vector<InstructionRef>{{0, 1}}));
  // The compute waits for the last; the memory of all is free from then on.
  EXPECT_EQ(waits_of(body, 3), (std::vector<InstructionRef>{{0, 2}, {0, 0}}));
  EXPECT_EQ(done, (std::vector<int>{3, 3, 3, 4}));
}

TEST(Waits, LaterBodiesWaitForWhatOutlasts) {
  Program program;
  program.bodies = {body_of({gather(0, "dp2")}), body_of({compute(0), compute(0)})};
  program.bodies[0].instructions[0].outlasts_body = true;
  add_waits_across(program, {{{{0}, {0}}}, {{{1}, {2}}, {{0}, {2}}}});
  EXPECT_TRUE(waits_of(program.bodies[1], 0).empty());
  EXPECT_EQ(waits_of(program.bodies[1], 1), (std::vector<InstructionRef>{{0, 0}}));
}

}  // namespace
}  // namespace tutti
