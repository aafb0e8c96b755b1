// The textual form of a Program: golden files, dumps, and tests that edit a program. It parses back.
//
//   program train stage=0 mesh=pp2.shard2.tp2 microbatches=4
//   persistent 123456
//   slots F-Bw bytes=4096 count=2
//   scratch 8192
//   io 1024
//   buffer %x: f32[batch=8@shard2, embed=32] role=temporary at slot:0+128
//   body F scratch=8192
//     linear %y = %x, %w {contract=[embed]} block=1 workspace=512+64 add=after_first
//   run F mb=0 slots=0,-
//   send %x to=1 tag=x@1 mb=0 slots=0,-
//   output %loss
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "program/program.h"

namespace tutti {

std::string print(const Program& program);
Result<Program> parse_program(std::string_view text);

}  // namespace tutti
