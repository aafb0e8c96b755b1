// The middle of a preparation: a planned corpus → the tokens of its splits, under temporary names,
// in bounded memory, from any point that its journal remembers.
//
// One thread reads and writes, others encode; batches are written in the order in which they were
// read, so the bytes depend neither on the number of threads nor on where a run before was cut.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/fs.h"
#include "base/status.h"
#include "data/encode_document.h"
#include "data/prepare_journal.h"
#include "data/tokenizer.h"
#include "data/validation_split.h"

namespace tutti {

struct EncodeCorpusOptions {
  std::string directory;
  DocumentOptions documents;
  double validation = 0;  // fraction held out
  int threads = 1;
  size_t commit_bytes = 1;                  // of input between two points of the journal
  size_t batch_bytes = 1;                   // of input that a thread encodes at once
  std::function<Status()> check_stop = {};  // asked before each batch; may be empty
};

struct EncodeProgress {
  uint64_t bytes_done = 0;  // of the files as they are, compressed or not
  int64_t tokens = 0;
};

// Goes on from `point` and moves it to the end. `progress` (may be empty) is called on the calling
// thread. When this fails, the journal's last point and the temporary files fit together.
Status encode_corpus(FileSystem& fs, const Tokenizer& tokenizer, const SplitPlan& plan,
                     const EncodeCorpusOptions& options, PrepareJournal& journal,
                     PreparePoint& point,
                     const std::function<void(const EncodeProgress&)>& progress);

// How the writers of a preparation are set up; `start` is where they begin.
IndexedWriterOptions writer_options(const Tokenizer& tokenizer, DocumentFormat format,
                                    const IndexedProgress& start);

}  // namespace tutti
