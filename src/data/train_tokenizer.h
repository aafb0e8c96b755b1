// Learns a byte-level BPE tokenizer from a corpus. The result is a pure function of the documents
// and the options; memory holds the different words, not the text.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "data/bpe_trainer.h"
#include "data/document_stream.h"

namespace tutti {

struct TrainTokenizerOptions {
  std::vector<std::string> inputs;  // files, directories, globs: see corpus_files.h
  DocumentOptions documents;
  BpeTrainerOptions bpe;
  int threads = 0;  // 0: those of the machine
};

struct TrainTokenizerProgress {
  const char* phase;  // "counting words" (in bytes) or "merging" (in tokens)
  uint64_t done = 0;
  uint64_t total = 0;
};

struct TokenizerTraining {
  TrainedBpe trained;
  int64_t files = 0;
  int64_t documents = 0;
  int64_t text_bytes = 0;
  int64_t different_words = 0;
};

// `progress` (may be empty) is called on the calling thread.
Result<TokenizerTraining> train_tokenizer(
    FileSystem& fs, const TrainTokenizerOptions& options,
    const std::function<void(const TrainTokenizerProgress&)>& progress);

}  // namespace tutti
