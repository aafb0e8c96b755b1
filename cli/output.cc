#include "output.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <vector>

#include "base/nearest.h"

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

// The library only says that a subcommand is missing when another word is in its place.
std::string usage_message(const CLI::App& app, int argc, char** argv,
                          const CLI::ParseError& failure) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  const std::string word = argc > 1 ? argv[1] : "";
  if (names.empty() || word.empty() || word.starts_with('-') ||
      std::count(names.begin(), names.end(), word) > 0) {
    return failure.what();
  }
  return fmt::format("unknown verb '{}'{}; expected {}", word, did_you_mean(word, names),
                     fmt::join(names, ", "));
}

}  // namespace

std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv) {
  const std::string name = app.get_name();
  const size_t space = name.find(' ');
  const std::string verb = space == std::string::npos ? "" : name.substr(space + 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help
    std::ostringstream text;
    app.exit(request, text, text);
    return print_text(verb, text.str());
  } catch (const CLI::ParseError& failure) {
    return print_usage_error(verb, usage_message(app, argc, argv, failure));
  }
  return std::nullopt;
}

std::string check_not_negative(const std::string& text) {
  return text.starts_with('-') ? fmt::format("got {}, expected a number from 0 on", text) : "";
}

int print_error(std::string_view verb, const Error& error) {
  fmt::print(stderr, "tutti {}: error: {}\n", verb, one_line(error.message));
  return kExitFailed;
}

int print_usage_error(std::string_view verb, const std::string& message) {
  const std::string name = verb.empty() ? "tutti" : fmt::format("tutti {}", verb);
  fmt::print(stderr, "{}: error: {}; see {} --help\n", name, one_line(message), name);
  return kExitUsage;
}

int print_json(std::string_view verb, const nlohmann::ordered_json& object) {
  using Json = nlohmann::ordered_json;
  return print_text(verb, object.dump(2, ' ', false, Json::error_handler_t::replace));
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

}  // namespace tutti
