#include "program/lint.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "program/text.h"

namespace tutti {
namespace {

constexpr const char* kGood = R"(program p stage=0 mesh=pp2 microbatches=1
persistent 64
scratch 192
io 64
buffer %x: f32[a=8] role=input at io+0 each
buffer %h: f32[a=8] role=temporary at scratch+0
buffer %y: f32[a=8] role=temporary at scratch+64
body F scratch=192
  gelu %h = %x
  gelu %y = %h workspace=128+64
run F mb=0
send %y to=1 stream=0>1 mb=0
)";

constexpr const char* kPeer = R"(program p stage=1 mesh=pp2 microbatches=1
persistent 0
slots recv.F-F bytes=64 count=1
scratch 64
io 0
buffer %y@1: f32[a=8] role=temporary at slot:0+0
buffer %z: f32[a=8] role=temporary at scratch+0
body F scratch=64
  gelu %z = %y@1
receive %y@1 from=0 stream=0>1 mb=0 slots=0
run F mb=0 slots=0 waits=0
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

Status linted(const std::string& first, const std::string& second) {
  const auto a = parse_program(first), b = parse_program(second);
  EXPECT_TRUE(a.ok() && b.ok());
  return lint({*a, *b});
}

TEST(Lint, AcceptsASoundPair) {
  const Status status = linted(kGood, kPeer);
  EXPECT_TRUE(status.ok()) << status.message();
}

// Each stage sends before it receives, and waits for its send first: both sends wait for a receive.
TEST(Lint, FindsStagesThatWaitForEachOther) {
  const auto stage = [](int number) {
    return fmt::format(R"(program p stage={0} mesh=pp2 microbatches=1
persistent 64
slots s bytes=128 count=1
scratch 0
io 0
buffer %a: f32[a=8] role=param at persistent+0
buffer %b: f32[a=8] role=temporary at slot:0+0
send %a to={1} stream={0}>{1} mb=0 slots=0
copy %a = %a mb=0 slots=0 {2}
receive %b from={1} stream={1}>{0} mb=0 slots=0
)",
                       number, 1 - number, "WAITS");
  };
  std::string first = stage(0), second = stage(1);
  EXPECT_TRUE(linted(replaced(first, "copy %a = %a mb=0 slots=0 WAITS\n", ""),
                     replaced(second, "copy %a = %a mb=0 slots=0 WAITS\n", ""))
                  .ok());
  const Status status =
      linted(replaced(first, "WAITS", "waits=0"), replaced(second, "WAITS", "waits=0"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.message(), "stage 0 waits for ever for its send number 0 of positions 0>1");
}

// Two pieces of a state go through the optimizer's lanes.
constexpr const char* kCopies = R"(program p stage=0 mesh=one microbatches=1
persistent 0
scratch 192
io 0
offloaded 64
buffer %m: f32[a=16] role=state at offloaded persistent+0
buffer %m0: f32[a=8] role=temporary at scratch+0
buffer %n0: f32[a=8] role=temporary at scratch+0
buffer %s0: f32[a=8] role=temporary at offloaded persistent+0
buffer %m1: f32[a=8] role=temporary at scratch+64
buffer %n1: f32[a=8] role=temporary at scratch+64
buffer %s1: f32[a=8] role=temporary at offloaded persistent+32
body epilogue scratch=192
  fetch %m0 = %m {dims=[a], offset=0, sizes=[8]} block=0
  fetch %m1 = %m {dims=[a], offset=8, sizes=[8]} block=1
  gelu %n0 = %m0 block=0 wait=epilogue:0
  store %s0 = %n0 {offset=0} block=0
  gelu %n1 = %m1 block=1 wait=epilogue:1
  store %s1 = %n1 {offset=8} block=1
run epilogue mb=0
)";

TEST(Lint, WhatIsBeingCopiedIsWaitedFor) {
  const auto linted_alone = [](const std::string& text) {
    const auto program = parse_program(text);
    EXPECT_TRUE(program.ok()) << program.message();
    EXPECT_EQ(print(*program), text);
    return lint({*program});
  };
  EXPECT_TRUE(linted_alone(kCopies).ok()) << linted_alone(kCopies).message();
  EXPECT_EQ(
      linted_alone(replaced(kCopies, " wait=epilogue:1", "")).message(),
      "gelu of %n1 in epilogue does not wait for fetch of %m1 in epilogue, which is under way in "
      "memory that it uses");
  // The second piece is fetched where the first one is written.
  std::string text = replaced(kCopies, "%n1: f32[a=8] role=temporary at scratch+64",
                              "%n1: f32[a=8] role=temporary at scratch+0");
  EXPECT_EQ(
      linted_alone(text).message(),
      "gelu of %n1 in epilogue does not wait for store of %s0 in epilogue, which is under way in "
      "memory that it uses");
  EXPECT_EQ(linted_alone(replaced(kCopies, "offloaded 64", "offloaded 32")).message(),
            "stage 0: %m lies outside of the memory of what is offloaded");
}

TEST(Lint, NamesTheFirstFault) {
  const struct {
    const char* from;
    const char* to;
    const char* message;
  } kCases[] = {
      {"  gelu %h = %x\n", "", "gelu of %y in F reads %h, which nothing wrote"},
      {"at scratch+64", "at scratch+16", "whose memory %y overwrote"},
      {"workspace=128+64", "workspace=64+64", "the workspace of gelu of %y in F overlaps %y"},
      {"send %y to=1 stream=0>1 mb=0\n", "", "of positions 0>1 are received but never sent"},
      {"send %y to=1 stream=0>1 mb=0\n",
       "send %y to=1 stream=0>1 mb=0\nsend %y to=1 stream=0>1 mb=0\n",
       "2 messages are sent of positions 0>1, 1 are received"},
      {"1 mb=0", "1 mb=1", "0>1 is of microbatch 1 where it is sent, of 0"},
      {"send %y to=1 stream=0>1 mb=0\n", "send %y to=1 stream=0>1 mb=0\nrun F mb=0\n",
       "does not wait for the send of %y"},
      {" waits=0", "", "gelu of %z in F does not wait for the receive of %y@1"},
  };
  for (const auto& c : kCases) {
    const bool of_peer = std::string(kGood).find(c.from) == std::string::npos;
    std::string text = replaced(of_peer ? kPeer : kGood, c.from, c.to);
    // Overlapping storage is a fault only when both are read afterwards.
    if (std::string(c.to) == "at scratch+16")
      text = replaced(text, "%y = %h workspace=128+64", "%y = %h\n  gelu %h = %h");
    const Status status = of_peer ? linted(kGood, text) : linted(text, kPeer);
    ASSERT_FALSE(status.ok()) << c.to;
    EXPECT_NE(status.message().find(c.message), std::string::npos) << status.message();
  }
}

}  // namespace
}  // namespace tutti
