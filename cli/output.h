// What every verb does the same way: print one JSON object for --json, report an error as one line,
// and read standard input. Results go to standard output, everything else to standard error.
//
//   const Result<Report> report = ...;
//   if (!report.ok()) return print_error("doctor", report.error());
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"

namespace tutti {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// Prints "tutti VERB: error: ..." on standard error; returns kExitFailed.
int print_error(std::string_view verb, const Error& error);

// The same for a wrong command line, with a pointer to --help; returns kExitUsage.
int print_usage_error(std::string_view verb, const std::string& message);

// Prints `object` and a newline on standard output and flushes it. Returns kExitOk, or kExitFailed
// when standard output could not be written. Text that is not UTF-8 is shown with replacements.
int print_json(std::string_view verb, const Json& object);

// The same for plain text; a missing newline at its end is added.
int print_text(std::string_view verb, std::string_view text);

// All of it, to its end.
std::string read_standard_input();

}  // namespace tutti
