// Preparation: documents → tokens, an end-of-text behind each document → Megatron-LM's .bin/.idx.
//
// DIRECTORY receives train.{bin,idx}, validation.{bin,idx} (when anything is held out), of chat
// examples also .mask, a copy of the tokenizer and, last, dataset.json. What is there is therefore
// whole whenever dataset.json is. The result is a pure function of inputs, tokenizer and options:
// the number of threads does not change a byte, nor does a kill at any moment followed by the same
// preparation, which goes on where the journal of the first one ends. One preparation at a time
// writes to a directory, held by a lock; a second one is refused.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "data/dataset_metadata.h"
#include "data/document_stream.h"

namespace tutti {

struct PrepareOptions {
  std::vector<std::string> inputs;  // files, directories, globs: see corpus_files.h
  std::string directory;            // created when missing
  std::string tokenizer;            // path of a tokenizer with an end-of-text token
  DocumentOptions documents;
  double validation = 0.05;  // fraction held out: see validation_split.h
  int threads = 0;           // 0: those of the machine
  // Of input between two points from which a preparation that was killed can go on.
  size_t commit_bytes = size_t{32} << 20;
  size_t batch_bytes = size_t{1} << 20;       // of input that a thread encodes at once
  std::function<bool()> stop_requested = {};  // asked between batches; may be empty
};

struct PrepareProgress {
  const char* phase;  // "checking inputs" or "encoding"
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;  // of the files as they are, compressed or not
  int64_t tokens = 0;
};

struct PreparedDataset {
  DatasetMetadata metadata;
  bool reused = false;   // the directory held these tokens already
  bool resumed = false;  // it went on with a preparation that was cut off
};

// `progress` (may be empty) is called on the calling thread. kInterrupted when it was asked to
// stop. When this fails, the dataset that was in the directory stays until all of the new one is on
// the disk and takes its names; cut off there, the same preparation finishes it. The temporary
// files stay, too, where the inputs are not at fault and the journal has a point: the same
// preparation goes on with them. What another preparation left stays until this one begins to
// write.
Result<PreparedDataset> prepare_dataset(
    FileSystem& fs, const PrepareOptions& options,
    const std::function<void(const PrepareProgress&)>& progress);

}  // namespace tutti
