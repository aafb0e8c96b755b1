#include "checkpoint/staged_files.h"

#include <utility>

#include "base/log.h"

namespace tutti {
namespace {

constexpr std::string_view kSuffix = ".tmp";

std::string temporary(const std::string& directory, const std::string& name) {
  return join_path(directory, name).append(kSuffix);
}

}  // namespace

Result<StagedFiles> StagedFiles::begin(FileSystem& fs, const std::string& directory) {
  const bool missing = !exists(fs, directory);
  TUTTI_TRY(fs.create_directories(directory));
  auto lock = lock_directory(fs, directory);
  if (lock.ok()) return StagedFiles(fs, std::move(lock).value(), directory, missing);
  if (missing) (void)fs.remove(directory);  // that of another process is not empty
  return lock.error();
}

StagedFiles::StagedFiles(StagedFiles&& other) noexcept
    : fs_(std::exchange(other.fs_, nullptr)),
      lock_(std::move(other.lock_)),
      directory_(std::move(other.directory_)),
      made_(other.made_),
      names_(std::move(other.names_)) {}

StagedFiles::~StagedFiles() {
  if (fs_ == nullptr) return;
  for (const std::string& name : names_) {
    const std::string path = temporary(directory_, name);
    if (!exists(*fs_, path)) continue;
    const Status removed = fs_->remove(path);
    if (!removed.ok()) log_warning("{}", removed.message());
  }
  lock_.reset();  // its file lies in the directory
  if (!made_) return;
  const Status removed = fs_->remove(directory_);
  if (!removed.ok()) log_warning("{}", removed.message());
}

Status StagedFiles::remove_abandoned(const std::function<bool(const std::string&)>& ours) {
  TUTTI_ASSIGN(const std::vector<DirectoryEntry> entries, fs_->list(directory_));
  for (const DirectoryEntry& entry : entries) {
    if (entry.kind != FileKind::kFile || !entry.name.ends_with(kSuffix)) continue;
    if (!ours(entry.name.substr(0, entry.name.size() - kSuffix.size()))) continue;
    TUTTI_TRY(fs_->remove(join_path(directory_, entry.name)));
  }
  return {};
}

std::string StagedFiles::stage(const std::string& name) {
  names_.push_back(name);
  return temporary(directory_, name);
}

Status StagedFiles::write(const std::string& name, std::string_view bytes) {
  TUTTI_ASSIGN(const auto file, fs_->create(stage(name)));
  TUTTI_TRY(file->append(bytes));
  TUTTI_TRY(file->sync());
  return file->close();
}

Status StagedFiles::commit(const std::vector<std::string>& obsolete) {
  TUTTI_TRY(fs_->sync_directory(directory_));
  made_ = made_ && !names_.empty();
  while (!names_.empty()) {
    const std::string& name = names_.front();
    TUTTI_TRY(fs_->rename(temporary(directory_, name), join_path(directory_, name)));
    made_ = false;
    names_.erase(names_.begin());
  }
  for (const std::string& name : obsolete) TUTTI_TRY(fs_->remove(join_path(directory_, name)));
  TUTTI_TRY(fs_->sync_directory(directory_));
  return fs_->sync_directory(parent_path(directory_));
}

}  // namespace tutti
