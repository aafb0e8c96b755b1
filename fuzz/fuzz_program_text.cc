// Whatever the text, the program's parser gives a program or an error; and a program that prints
// parses back to the same text.
#include <cstdlib>
#include <string_view>

#include "program/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto program = tutti::parse_program({reinterpret_cast<const char*>(data), size});
  if (!program.ok()) return 0;
  const std::string text = tutti::print(*program);
  const auto again = tutti::parse_program(text);
  if (!again.ok() || tutti::print(*again) != text) std::abort();
  return 0;
}
