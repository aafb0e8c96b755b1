// Where a run begins: in a directory that holds no run yet, or with the newest valid checkpoint of
// the run that it holds. Nothing is written before all that can be refused was.
#pragma once

#include <optional>
#include <string>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/checkpoint.h"
#include "train/config.h"

namespace tutti {

inline constexpr const char* kRunConfigName = "config.toml";
inline constexpr const char* kRunTokenizerName = "tokenizer.json";

// The checkpoint to resume from; nothing for a start at step 0.
//
// Without `resume` a directory that holds a run (a config, a log or a checkpoint) is refused: what
// is there stays. With it a directory that holds none is refused. A run that stopped before its
// first checkpoint starts again. When checkpoints are there and none can be read, that is an error.
Result<std::optional<Checkpoint>> find_start(FileSystem& fs, const std::string& run_dir,
                                             bool resume);

// The tokenizer that a run's data were made with: tokenizer.path, or the one beside data.train, or
// "" when neither is there. kNotFound when tokenizer.path names no file.
Result<std::string> find_tokenizer(FileSystem& fs, const Config& config);

// Makes run.dir and writes the resolved config and a copy of the tokenizer into it, so that its
// checkpoints need nothing from outside.
Status write_run_files(FileSystem& fs, const Config& config, const std::string& tokenizer_path);

}  // namespace tutti
