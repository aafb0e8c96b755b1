// Files that appear together: each is written beside its place under a temporary name, and all are
// renamed when the last is complete. What is given up leaves nothing. The directory is locked
// meanwhile: temporary names are the same for all who write there. Not thread-safe.
//
//   TUTTI_ASSIGN(StagedFiles files, StagedFiles::begin(fs, directory));
//   TUTTI_TRY(files.write("config.json", text));  // or write to files.stage("model.safetensors")
//   TUTTI_TRY(files.commit());
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/status.h"

namespace tutti {

class StagedFiles {
 public:
  // Makes `directory` when it is missing. `fs` must outlive the object. kResource: another process
  // writes there.
  static Result<StagedFiles> begin(FileSystem& fs, const std::string& directory);
  StagedFiles(StagedFiles&& other) noexcept;
  StagedFiles& operator=(StagedFiles&&) = delete;
  // Removes what was staged and not committed, and a directory that was made for it.
  ~StagedFiles();

  const std::string& directory() const { return directory_; }
  // Removes what a process that was killed had staged of the files whose names `ours` takes.
  Status remove_abandoned(const std::function<bool(const std::string& name)>& ours);
  // Where to write the file `name`; whoever writes it also syncs it.
  std::string stage(const std::string& name);
  // Writes and syncs a whole file.
  Status write(const std::string& name, std::string_view bytes);

  // Renames all in the order in which they were staged, over what is there, then removes the files
  // `obsolete`. What fails midway leaves files of which each is old or new.
  Status commit(const std::vector<std::string>& obsolete = {});

 private:
  StagedFiles(FileSystem& fs, std::unique_ptr<FileLock> lock, std::string directory, bool made)
      : fs_(&fs), lock_(std::move(lock)), directory_(std::move(directory)), made_(made) {}

  FileSystem* fs_;  // null after a move
  std::unique_ptr<FileLock> lock_;
  std::string directory_;
  bool made_;
  std::vector<std::string> names_;  // staged and not yet renamed
};

}  // namespace tutti
