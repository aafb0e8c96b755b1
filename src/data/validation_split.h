// Which part of a corpus is held out. Decided by what a file is called, not by when it was read, so
// a file never changes sides when others come or go. Stateless.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "data/corpus_files.h"

namespace tutti {

enum class Split { kTrain, kValidation };

struct SplitPlan {
  std::vector<CorpusFile> files;
  std::vector<Split> split;  // of each file
  bool by_document = false;  // of a single file of JSON lines: see split_of_document
};

// Of a validation fraction: at least 0 and less than 1.
Status check_fraction(double fraction);

// Several files: each goes whole, by the hash of its relative path; when `fraction` > 0, at least
// one is held out and at least one is not. One text file: its end, from the beginning of a line.
// One file of JSON lines: by document. One file of another kind cannot be split and is for
// training.
Result<SplitPlan> plan_split(FileSystem& fs, const std::vector<CorpusFile>& files,
                             DocumentFormat format, double fraction);

// By the hash of the file's relative path and the document's line.
Split split_of_document(const std::string& relative, uint64_t line, double fraction);

}  // namespace tutti
