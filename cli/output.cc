#include "output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <iterator>

namespace tutti {
namespace {

// Control characters in an error (a file name, bytes of an input) must not break the line.
std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : text) {
    if (c == '\n') {
      line += "; ";
    } else {
      line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return line;
}

}  // namespace

int print_error(std::string_view verb, const Error& error) {
  fmt::print(stderr, "tutti {}: error: {}\n", verb, one_line(error.message));
  return kExitFailed;
}

int print_usage_error(std::string_view verb, const std::string& message) {
  const std::string name = verb.empty() ? "tutti" : fmt::format("tutti {}", verb);
  fmt::print(stderr, "{}: error: {}; see {} --help\n", name, one_line(message), name);
  return kExitUsage;
}

int print_json(std::string_view verb, const Json& object) {
  return print_text(verb, object.dump(2));
}

int print_text(std::string_view verb, std::string_view text) {
  const bool ended = text.empty() || text.back() == '\n';
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!ended) std::fputc('\n', stdout);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return print_error(verb, io_error("standard output: {}", std::strerror(errno)));
  }
  return kExitOk;
}

std::string read_standard_input() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

}  // namespace tutti
