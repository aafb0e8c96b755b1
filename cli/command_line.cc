#include "command_line.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "base/clock.h"
#include "base/nearest.h"
#include "output.h"

namespace tutti {
namespace {

constexpr double kSilentExit_s = 0.5;

// CLI11 only says that a subcommand is missing when another word is in its place.
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

// CLI11 would wrap -1 around.
std::string check_not_negative(const std::string& text) {
  return text.starts_with('-') ? fmt::format("got {}, expected a number from 0 on", text) : "";
}

}  // namespace

CommandLineOption* CommandLineOption::required() {
  option_->required();
  return this;
}

CommandLineOption* CommandLineOption::capture_default_str() {
  option_->capture_default_str();
  return this;
}

CommandLineOption* CommandLineOption::range(int64_t low, int64_t high) {
  option_->check(CLI::Range(low, high));
  return this;
}

CommandLineOption* CommandLineOption::one_of(std::vector<std::string> words) {
  option_->check(CLI::IsMember(std::move(words)));
  return this;
}

CommandLineOption* CommandLineOption::as_size() {
  option_->transform(CLI::AsSizeValue(/*kb_is_1000=*/true));
  return this;
}

CommandLineOption* CommandLineOption::excludes(CommandLineOption* other) {
  option_->excludes(other->option_);
  return this;
}

size_t CommandLineOption::count() const { return option_->count(); }

CommandLine::CommandLine(std::string description, std::string name)
    : owned_(std::make_unique<CLI::App>(std::move(description), std::move(name))),
      app_(owned_.get()) {}

CommandLine::CommandLine(CLI::App* subcommand) : app_(subcommand) {}

CommandLine::~CommandLine() = default;

CommandLineOption* CommandLine::keep(CLI::Option* option) { return &options_.emplace_back(option); }

CommandLineOption* CommandLine::add_option(const std::string& name, std::string& value,
                                           const std::string& help) {
  return keep(app_->add_option(name, value, help));
}

CommandLineOption* CommandLine::add_option(const std::string& name, int32_t& value,
                                           const std::string& help) {
  return keep(app_->add_option(name, value, help));
}

CommandLineOption* CommandLine::add_option(const std::string& name, int64_t& value,
                                           const std::string& help) {
  return keep(app_->add_option(name, value, help));
}

CommandLineOption* CommandLine::add_option(const std::string& name, uint64_t& value,
                                           const std::string& help) {
  return keep(app_->add_option(name, value, help)->check(check_not_negative));
}

CommandLineOption* CommandLine::add_option(const std::string& name, double& value,
                                           const std::string& help) {
  return keep(app_->add_option(name, value, help));
}

CommandLineOption* CommandLine::add_option(const std::string& name, std::vector<std::string>& value,
                                           const std::string& help) {
  return keep(app_->add_option(name, value, help));
}

CommandLineOption* CommandLine::add_option(const std::string& name, std::vector<int32_t>& value,
                                           const std::string& help) {
  return keep(app_->add_option(name, value, help));
}

CommandLineOption* CommandLine::add_flag(const std::string& name, bool& value,
                                         const std::string& help) {
  return keep(app_->add_flag(name, value, help));
}

CommandLine* CommandLine::add_subcommand(const std::string& name, const std::string& description) {
  app_->require_subcommand(1);
  CLI::App* const app = app_->add_subcommand(name, description);
  return subcommands_.emplace_back(new CommandLine(app)).get();
}

void CommandLine::footer(const std::string& text) { app_->footer(text); }

bool CommandLine::parsed() const { return app_->parsed(); }

std::optional<int> CommandLine::parse(int argc, char** argv, bool speaks) {
  const std::string name = app_->get_name();
  const size_t space = name.find(' ');
  const std::string verb = space == std::string::npos ? "" : name.substr(space + 1);
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help
    if (!speaks) return kExitOk;
    std::ostringstream text;
    app_->exit(request, text, text);
    return print_text(verb, text.str());
  } catch (const CLI::ParseError& failure) {
    if (!speaks) {
      // A launcher ends all ranks with the first that fails: the one that says why goes first.
      make_system_clock()->sleep_s(kSilentExit_s);
      return kExitUsage;
    }
    return print_usage_error(verb, usage_message(*app_, argc, argv, failure));
  }
  return std::nullopt;
}

}  // namespace tutti
