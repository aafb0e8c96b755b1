// The flags of verbs that read a corpus: INPUT..., --format, --field, --invalid-utf8,
// --threads.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "command_line.h"
#include "data/document_stream.h"

namespace tutti {

struct CorpusFlags {
  std::vector<std::string> inputs;
  std::string format = "auto";
  std::string field = "text";
  std::string invalid_utf8 = "error";
  CommandLineOption* invalid_utf8_option = nullptr;
  int threads = 0;

  void add_to(CommandLine& app) {
    app.add_option("INPUT", inputs, "Files, directories or globs")->required();
    app.add_option("--format", format,
                   "auto (by extension), text, pod, jsonl, or chat (examples of fine-tuning)")
        ->capture_default_str();
    app.add_option("--field", field, "Of JSON lines, the field that holds the text")
        ->capture_default_str();
    invalid_utf8_option = app.add_option("--invalid-utf8", invalid_utf8,
                                         "Bytes that are not UTF-8: error, or replace (by U+FFFD)")
                              ->capture_default_str();
    app.add_option("--threads", threads, "0: those of the machine")
        ->range(0, 1024)
        ->capture_default_str();
  }

  Result<DocumentOptions> documents() const {
    DocumentOptions options;
    TUTTI_ASSIGN(options.format, parse_document_format(format));
    options.json_field = field;
    TUTTI_ASSIGN(options.invalid_utf8, parse_invalid_utf8(invalid_utf8));
    return options;
  }
};

}  // namespace tutti
