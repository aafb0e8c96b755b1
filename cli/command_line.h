// A verb's command line: options bound to variables, subcommands, --help. Over CLI11, which only
// command_line.cc reads: its templates would take most of the time in which a verb compiles.
//
//   CommandLine line("Describe this machine.", "tutti doctor");
//   line.add_option("--threads", threads, "Threads to measure with")->range(1, 4096);
//   if (const auto status = line.parse(argc, argv)) return *status;
//
// Variables must outlive parse(). Options and subcommands live as long as their CommandLine. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace tutti {

class CommandLineOption {
 public:
  explicit CommandLineOption(CLI::Option* option) : option_(option) {}

  CommandLineOption* required();
  // Shows the variable's value as the default in --help.
  CommandLineOption* capture_default_str();
  // Both ends are allowed.
  CommandLineOption* range(int64_t low, int64_t high);
  // The value is one of `words`.
  CommandLineOption* one_of(std::vector<std::string> words);
  // The value may have a suffix: 5GB is 5e9, 64KiB is 65536.
  CommandLineOption* as_size();
  CommandLineOption* excludes(CommandLineOption* other);
  // How often it was given.
  size_t count() const;

 private:
  CLI::Option* option_;
};

class CommandLine {
 public:
  CommandLine(std::string description, std::string name);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // `name` is "--name" or, of a positional, NAME. A vector takes every value given.
  CommandLineOption* add_option(const std::string& name, std::string& value,
                                const std::string& help = "");
  CommandLineOption* add_option(const std::string& name, int32_t& value,
                                const std::string& help = "");
  CommandLineOption* add_option(const std::string& name, int64_t& value,
                                const std::string& help = "");
  CommandLineOption* add_option(const std::string& name, uint64_t& value,
                                const std::string& help = "");
  CommandLineOption* add_option(const std::string& name, double& value,
                                const std::string& help = "");
  CommandLineOption* add_option(const std::string& name, std::vector<std::string>& value,
                                const std::string& help = "");
  CommandLineOption* add_option(const std::string& name, std::vector<int32_t>& value,
                                const std::string& help = "");
  CommandLineOption* add_flag(const std::string& name, bool& value, const std::string& help);

  // One of the subcommands must be given.
  CommandLine* add_subcommand(const std::string& name, const std::string& description);
  // The last lines of --help: an example.
  void footer(const std::string& text);
  // Of a subcommand: whether it is the one given.
  bool parsed() const;

  // Parses argv[1..]. The exit status when the process should end now: 0 after --help, 2 after a
  // usage error, which it prints; else nothing. Prints nothing unless it `speaks`: of the processes
  // of a job that have one command line, one does.
  std::optional<int> parse(int argc, char** argv, bool speaks = true);

 private:
  explicit CommandLine(CLI::App* subcommand);
  CommandLineOption* keep(CLI::Option* option);

  std::unique_ptr<CLI::App> owned_;  // of the verb
  CLI::App* app_;
  std::deque<CommandLineOption> options_;
  std::deque<std::unique_ptr<CommandLine>> subcommands_;
};

}  // namespace tutti
