// Which files a corpus consists of: INPUT arguments (a file, a directory, a glob) → a sorted list.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"

namespace tutti {

// What the bytes of a file are.
enum class DocumentFormat {
  kAuto,       // by the name: .jsonl and .ndjson → JSON lines, .pod → POD, else text
  kText,       // one document a file
  kPod,        // Perl documentation, one document a file, markup stripped
  kJsonLines,  // one document a line
  kChat,       // JSON lines for fine-tuning, one example a line: see chat_example.h
};

Result<DocumentFormat> parse_document_format(std::string_view name);
std::string_view document_format_name(DocumentFormat format);

struct CorpusFile {
  std::string path;      // to open
  std::string relative;  // within its input: does not change when the corpus moves
  uint64_t bytes = 0;
  // The bytes of the file that this entry stands for; all of them unless a file was cut in two.
  uint64_t begin = 0;
  uint64_t end = UINT64_MAX;
  uint64_t begin_line = 1;
};

struct CorpusFiles {
  std::vector<CorpusFile> files;  // inputs in their order, each sorted by path; none twice
  uint64_t bytes = 0;
  std::vector<std::string> empty;  // paths of empty files in directories and globs, left out
};

// A directory stands for all files below it whose extension belongs to `format` (and .zst behind
// it); in a glob, * and ? match within a name and ** matches directories. An input that is missing,
// empty, or matches nothing is an error that names it.
Result<CorpusFiles> find_corpus_files(FileSystem& fs, const std::vector<std::string>& inputs,
                                      DocumentFormat format);

// The format of one file, by its name where `format` is kAuto; never kAuto.
DocumentFormat format_of_file(const std::string& path, DocumentFormat format);

}  // namespace tutti
