// What every verb does the same way: parse its command line, print one JSON object for --json, and
// report an error as one line. Results go to standard output, everything else to standard error.
//
//   int run_doctor(int argc, char** argv) {
//     CLI::App app("Describe this machine.", "tutti doctor");
//     ...
//     if (const auto status = parse_command_line(app, argc, argv)) return *status;
//     const Result<Report> report = ...;
//     if (!report.ok()) return print_error("doctor", report.error());
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tutti {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// Parses argv[1..] into `app`, whose name is "tutti VERB". Returns the exit status when the process
// should end now: 0 after --help, 2 after a usage error, which it prints; else nothing.
std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv);

// A check for options that are unsigned numbers: the library would wrap -1 around.
std::string check_not_negative(const std::string& text);

// Prints "tutti VERB: error: ..." on standard error; returns kExitFailed.
int print_error(std::string_view verb, const Error& error);

// The same for a wrong command line, with a pointer to --help; returns kExitUsage.
int print_usage_error(std::string_view verb, const std::string& message);

// Prints `object` and a newline on standard output and flushes it. Returns kExitOk, or kExitFailed
// when standard output could not be written. Text that is not UTF-8 is shown with replacements.
int print_json(std::string_view verb, const nlohmann::ordered_json& object);

// The same for plain text; a missing newline at its end is added.
int print_text(std::string_view verb, std::string_view text);

}  // namespace tutti
