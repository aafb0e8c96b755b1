// A disk in memory that fails on demand, to run production code on: a disk that is full, an
// operation that fails, power that is lost.
//
// What survives a loss of power is what POSIX promises and no more: the bytes of a file as of its
// last sync(), under the names that sync_directory() made durable. A name that was created, renamed
// or removed since the last sync of its directory is as it was before. A fsynced file whose
// directory was never synced is lost.
//
// Thread-safe. "/" is there and durable from the start; a relative path is taken from it. Files
// that were opened before a loss of power fail from then on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"

namespace tutti {

class TestFileSystem : public FileSystem {
 public:
  TestFileSystem();
  ~TestFileSystem() override;

  // The disk holds this many bytes of file content. What still fits is written, then kResource.
  void set_capacity(uint64_t bytes);
  // Operations (every call of FileSystem and of its files but size() and bytes()) that were begun.
  int64_t operations() const;
  // Operation number `n`, counted from 0 as operations() does, fails with kIo and does nothing;
  // of an append, half of the bytes are written before it fails.
  void fail_operation(int64_t n);
  // From operation number `n` on every operation fails, until restart().
  void lose_power_at(int64_t n);
  // Power is lost now (if it is not yet) and comes back: only what is durable is left.
  void restart();
  // The same, but as a disk may also leave it: of each directory's unsynced changes a random
  // prefix has happened, and of each file's unsynced bytes a random prefix is there, its last part
  // perhaps zeros.
  void restart_torn(uint64_t seed);
  // Damages a file at rest. Requires that the file has that byte.
  void flip_bit(const std::string& path, uint64_t offset, int bit);

  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override;
  Result<std::unique_ptr<MappedFile>> map(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> open_append(const std::string& path) override;
  Status truncate(const std::string& path, uint64_t bytes) override;
  Result<FileInfo> stat(const std::string& path) override;
  Result<FileInfo> lstat(const std::string& path) override { return stat(path); }  // has no links
  Result<std::string> read_link(const std::string& path) override {
    return io_error("{}: not a symbolic link", path);
  }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Status create_directories(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<uint64_t> free_bytes(const std::string& path) override;
  // Locks leave no files here. A loss of power ends them.
  Result<std::unique_ptr<FileLock>> lock(const std::string& path, std::string_view owner) override;

 private:
  class Reader;
  class Writer;
  class Lock;
  struct Node;
  // Names that change together: a node's number, or -1 for a name that goes.
  using Change = std::vector<std::pair<std::string, int>>;
  struct Location {
    int parent;
    std::string name;
    int node;  // -1 when the name is free
  };

  Status begin(const std::string& path, const char* operation);
  Result<Location> locate(const std::string& path) const;
  Result<int> find(const std::string& path) const;
  Result<int> find_file(const std::string& path) const;
  Result<std::unique_ptr<WritableFile>> open_to_write(const std::string& path, bool truncate);
  Status append(int node, int64_t era, const std::string& path, std::string_view bytes);
  Status check_era(int64_t era, const std::string& path) const;
  int add_node(FileKind kind);
  void change(int directory, Change change);
  uint64_t used_bytes() const;
  void restart_locked(std::optional<uint64_t> torn_seed);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Node>> nodes_;        // by number; the root is 0; never removed
  std::map<std::string, std::string> lock_owners_;  // by path
  uint64_t capacity_;
  int64_t operations_ = 0;
  int64_t fail_at_ = -1;
  int64_t power_lost_at_ = -1;
  int64_t era_ = 0;  // how many times power was lost
};

}  // namespace tutti
