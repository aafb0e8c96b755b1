// Where a run begins: in a directory that holds no run yet, or with the newest valid checkpoint of
// the run that it holds. Nothing is written before all that can be refused was.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/fs.h"
#include "base/status.h"
#include "checkpoint/checkpoint.h"
#include "train/config.h"
#include "train/saved_model.h"

namespace tutti {

inline constexpr const char* kRunConfigName = "config.toml";

// The first sign that a run is, or was, in `directory`: the name of its config, log, checkpoint or
// manifest; "" when there is none. An error when `directory` is none.
Result<std::string> sign_of_run(FileSystem& fs, const std::string& directory);

// The checkpoint to resume from; nothing for a start at step 0.
//
// Without `resume` a directory that holds a run is refused: what is there stays. With it a
// directory that holds none is refused. A run that stopped before its first checkpoint starts
// again. When checkpoints are there and none can be read, that is an error; so is a Hugging Face
// model there, which could be taken for the run's.
Result<std::optional<Checkpoint>> find_start(FileSystem& fs, const std::string& run_dir,
                                             bool resume);

// Makes the directory and those around it so that a loss of power leaves them: the checkpoints that
// will lie in them are synced, and must not be lost with a name above them.
Status make_durable_directory(FileSystem& fs, const std::string& directory);

// Holds run.dir for this process, so that no two runs write to it at once; kResource, with who has
// it, when another one does. Null when run.dir is no directory (yet).
Result<std::unique_ptr<FileLock>> lock_run(FileSystem& fs, const std::string& run_dir);

// The same for a run that begins in a directory that was not there: makes it. An error when another
// run began there in the meantime.
Result<std::unique_ptr<FileLock>> begin_run(FileSystem& fs, const std::string& run_dir);

// What model.init names, when it is set and the run does not go on with a checkpoint.
Result<std::optional<SavedModel>> open_initial_model(FileSystem& fs, const Config& config,
                                                     bool resumed);

// The tokenizer that a run's data were made with: tokenizer.path, or the one beside data.train (of
// a mixture, its first set), or that of `initial` (which may be null), or "" when none is there. An
// error when tokenizer.path cannot be read (the one beside the data then costs a warning), and when
// either has more tokens than model.vocab. Warns of data that were made with another tokenizer than
// the initial model's.
Result<std::string> find_tokenizer(FileSystem& fs, const Config& config, const SavedModel* initial);

// Writes the resolved config, a copy of the tokenizer and of the initial model's other files into
// run.dir, so that its checkpoints need nothing from outside.
Status write_run_files(FileSystem& fs, const Config& config, const std::string& tokenizer_path,
                       const SavedModel* initial);

}  // namespace tutti
