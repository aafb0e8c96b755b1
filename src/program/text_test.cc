#include "program/text.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(ProgramText, ErrorsNameLineAndWhatWasExpected) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"", "expected 'program NAME'"},
      {"program p stage=x", "line 1, column 17: expected a number"},
      {"program p stage=0 mesh=zz9 microbatches=1", "expected 'one' or mesh axes"},
      {"program p stage=0 mesh=one microbatches=1\nbuffer %a: f32[] role=param at nowhere+0",
       "expected persistent, slot, scratch or io"},
      {"program p stage=0 mesh=one microbatches=1\nrun F mb=0", "expected the name of a body"},
      {"program p stage=0 mesh=one microbatches=1\nbody F scratch=0\n  gelu %a = %b",
       "expected a buffer, %a is none"},
  };
  for (const auto& c : kCases) {
    const Result<Program> program = parse_program(c.text);
    ASSERT_FALSE(program.ok()) << c.text;
    EXPECT_NE(program.message().find(c.message), std::string::npos) << program.message();
  }
}

}  // namespace
}  // namespace tutti
