#include "base/test_file_system.h"

#include <algorithm>
#include <limits>

#include "base/rng.h"

namespace tutti {
namespace {

// The names of a path, without "." and empty ones.
std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> names;
  for (size_t at = 0; at <= path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, slash - at);
    if (!name.empty() && name != ".") names.push_back(name);
    at = slash + 1;
  }
  return names;
}

// Draws for a torn restart.
class Draws {
 public:
  explicit Draws(uint64_t seed) : key_(rng_key(seed, 0, 0)) {}
  uint64_t up_to(uint64_t most) {  // both ends included
    const auto words = philox(key_, counter_++);
    return (uint64_t{words[0]} << 32 | words[1]) % (most + 1);
  }

 private:
  RngKey key_;
  uint64_t counter_ = 0;
};

class CopiedFile : public MappedFile {
 public:
  explicit CopiedFile(std::string bytes) : bytes_(std::move(bytes)) {}
  std::span<const char> bytes() const override { return bytes_; }

 private:
  std::string bytes_;
};

std::string torn_bytes(const std::string& durable, const std::string& current, Draws& draws) {
  if (current == durable || draws.up_to(2) == 0) return durable;
  if (!current.starts_with(durable)) return draws.up_to(1) == 0 ? durable : current;
  std::string bytes =
      current.substr(0, durable.size() + draws.up_to(current.size() - durable.size()));
  if (draws.up_to(1) == 0) {
    const uint64_t zeros = draws.up_to(bytes.size() - durable.size());
    std::fill_n(bytes.end() - static_cast<std::ptrdiff_t>(zeros), zeros, '\0');
  }
  return bytes;
}

}  // namespace

struct TestFileSystem::Node {
  FileKind kind;
  std::string bytes;                           // of a file, now
  std::string durable;                         // of a file, as of its last sync
  std::map<std::string, int> entries;          // of a directory, now
  std::map<std::string, int> durable_entries;  // as of its last sync
  std::vector<Change> changes;                 // what leads from the second to the first, in order
};

class TestFileSystem::Reader : public ReadableFile {
 public:
  Reader(TestFileSystem* fs, int node, std::string path)
      : fs_(fs), node_(node), era_(fs->era_), path_(std::move(path)) {}

  uint64_t size() const override {
    const std::lock_guard lock(fs_->mutex_);
    return fs_->nodes_[node_]->bytes.size();
  }

  Status read_at(uint64_t offset, std::span<char> out) override {
    const std::lock_guard lock(fs_->mutex_);
    TUTTI_TRY(fs_->begin(path_, "read"));
    TUTTI_TRY(fs_->check_era(era_, path_));
    const std::string& bytes = fs_->nodes_[node_]->bytes;
    if (offset > bytes.size() || out.size() > bytes.size() - offset) {
      return corrupt("{}: wanted {} bytes at offset {}, but the file ends at {}", path_, out.size(),
                     offset, bytes.size());
    }
    std::copy_n(bytes.data() + offset, out.size(), out.data());
    return {};
  }

 private:
  TestFileSystem* fs_;
  int node_;
  int64_t era_;
  std::string path_;
};

class TestFileSystem::Writer : public WritableFile {
 public:
  Writer(TestFileSystem* fs, int node, std::string path)
      : fs_(fs), node_(node), era_(fs->era_), path_(std::move(path)) {}

  Status append(std::string_view bytes) override {
    const std::lock_guard lock(fs_->mutex_);
    return fs_->append(node_, era_, path_, bytes);
  }

  Status sync() override {
    const std::lock_guard lock(fs_->mutex_);
    TUTTI_TRY(fs_->begin(path_, "sync"));
    TUTTI_TRY(fs_->check_era(era_, path_));
    fs_->nodes_[node_]->durable = fs_->nodes_[node_]->bytes;
    return {};
  }

  Status close() override {
    const std::lock_guard lock(fs_->mutex_);
    TUTTI_TRY(fs_->begin(path_, "close"));
    return fs_->check_era(era_, path_);
  }

 private:
  TestFileSystem* fs_;
  int node_;
  int64_t era_;
  std::string path_;
};

class TestFileSystem::Lock : public FileLock {
 public:
  Lock(TestFileSystem* fs, std::string path) : fs_(fs), era_(fs->era_), path_(std::move(path)) {}
  ~Lock() override {
    const std::lock_guard lock(fs_->mutex_);
    if (era_ == fs_->era_) fs_->lock_owners_.erase(path_);
  }

 private:
  TestFileSystem* fs_;
  int64_t era_;
  std::string path_;
};

TestFileSystem::TestFileSystem() : capacity_(std::numeric_limits<uint64_t>::max()) {
  add_node(FileKind::kDirectory);
}

TestFileSystem::~TestFileSystem() = default;

void TestFileSystem::set_capacity(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

int64_t TestFileSystem::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

void TestFileSystem::fail_operation(int64_t n) {
  const std::lock_guard lock(mutex_);
  fail_at_ = n;
}

void TestFileSystem::lose_power_at(int64_t n) {
  const std::lock_guard lock(mutex_);
  power_lost_at_ = n;
}

void TestFileSystem::restart() {
  const std::lock_guard lock(mutex_);
  restart_locked(std::nullopt);
}

void TestFileSystem::restart_torn(uint64_t seed) {
  const std::lock_guard lock(mutex_);
  restart_locked(seed);
}

void TestFileSystem::restart_locked(std::optional<uint64_t> torn_seed) {
  Draws draws(torn_seed.value_or(0));
  for (const auto& node : nodes_) {
    if (torn_seed) {
      const uint64_t happened = draws.up_to(node->changes.size());
      for (uint64_t i = 0; i < happened; ++i) {
        for (const auto& [name, target] : node->changes[i]) {
          if (target < 0)
            node->durable_entries.erase(name);
          else
            node->durable_entries[name] = target;
        }
      }
      node->durable = torn_bytes(node->durable, node->bytes, draws);
    }
    node->bytes = node->durable;
    node->entries = node->durable_entries;
    node->changes.clear();
  }
  lock_owners_.clear();
  power_lost_at_ = fail_at_ = -1;
  ++era_;
}

void TestFileSystem::flip_bit(const std::string& path, uint64_t offset, int bit) {
  const std::lock_guard lock(mutex_);
  const Result<int> node = find_file(path);
  TUTTI_CHECK(node.ok() && offset < nodes_[*node]->bytes.size(), "{} at {}", path, offset);
  nodes_[*node]->bytes[offset] ^= static_cast<char>(1 << bit);
  std::string& durable = nodes_[*node]->durable;
  if (offset < durable.size()) durable[offset] = nodes_[*node]->bytes[offset];
}

Status TestFileSystem::begin(const std::string& path, const char* operation) {
  const int64_t n = operations_++;
  if (power_lost_at_ >= 0 && n >= power_lost_at_) {
    return io_error("{}: cannot {}: the power is off", path, operation);
  }
  if (n == fail_at_) return io_error("{}: cannot {}: injected failure", path, operation);
  return {};
}

Status TestFileSystem::check_era(int64_t era, const std::string& path) const {
  if (era == era_) return {};
  return io_error("{}: was opened before the power was lost", path);
}

int TestFileSystem::add_node(FileKind kind) {
  nodes_.push_back(std::make_unique<Node>());
  nodes_.back()->kind = kind;
  return static_cast<int>(nodes_.size()) - 1;
}

void TestFileSystem::change(int directory, Change change) {
  Node& node = *nodes_[directory];
  for (const auto& [name, target] : change) {
    if (target < 0)
      node.entries.erase(name);
    else
      node.entries[name] = target;
  }
  node.changes.push_back(std::move(change));
}

Result<TestFileSystem::Location> TestFileSystem::locate(const std::string& path) const {
  const std::vector<std::string> names = split(path);
  Location location{-1, "", 0};
  for (const std::string& name : names) {
    if (location.node < 0) return not_found("{}: {} does not exist", path, location.name);
    const Node& node = *nodes_[location.node];
    if (node.kind != FileKind::kDirectory) {
      return not_found("{}: {} is not a directory", path, location.name);
    }
    const auto it = node.entries.find(name);
    location = {location.node, name, it == node.entries.end() ? -1 : it->second};
  }
  return location;
}

Result<int> TestFileSystem::find(const std::string& path) const {
  TUTTI_ASSIGN(const Location location, locate(path));
  if (location.node < 0) return not_found("{}: no such file or directory", path);
  return location.node;
}

Result<int> TestFileSystem::find_file(const std::string& path) const {
  TUTTI_ASSIGN(const int node, find(path));
  if (nodes_[node]->kind == FileKind::kDirectory) {
    return io_error("{}: is a directory, expected a file", path);
  }
  return node;
}

uint64_t TestFileSystem::used_bytes() const {
  uint64_t used = 0;
  std::vector<int> pending = {0};
  while (!pending.empty()) {
    const Node& node = *nodes_[pending.back()];
    pending.pop_back();
    used += node.bytes.size();
    for (const auto& [name, child] : node.entries) pending.push_back(child);
  }
  return used;
}

Status TestFileSystem::append(int node, int64_t era, const std::string& path,
                              std::string_view bytes) {
  const Status begun = begin(path, "write");
  TUTTI_TRY(check_era(era, path));
  std::string& content = nodes_[node]->bytes;
  if (!begun.ok()) {
    if (power_lost_at_ < 0 || operations_ - 1 <= power_lost_at_) {
      content += bytes.substr(0, bytes.size() / 2);
    }
    return begun;
  }
  const uint64_t used = used_bytes();
  const uint64_t fits = std::min<uint64_t>(bytes.size(), capacity_ > used ? capacity_ - used : 0);
  content += bytes.substr(0, fits);
  if (fits == bytes.size()) return {};
  return error(ErrorKind::kResource, "{}: cannot write: no space left on device", path);
}

Result<std::unique_ptr<ReadableFile>> TestFileSystem::open(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TUTTI_TRY(begin(path, "open"));
  TUTTI_ASSIGN(const int node, find_file(path));
  return std::unique_ptr<ReadableFile>(new Reader(this, node, path));
}

Result<std::unique_ptr<MappedFile>> TestFileSystem::map(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TUTTI_TRY(begin(path, "map"));
  TUTTI_ASSIGN(const int node, find_file(path));
  return std::unique_ptr<MappedFile>(new CopiedFile(nodes_[node]->bytes));
}

Result<std::unique_ptr<WritableFile>> TestFileSystem::create(const std::string& path) {
  return open_to_write(path, /*truncate=*/true);
}

Result<std::unique_ptr<WritableFile>> TestFileSystem::open_append(const std::string& path) {
  return open_to_write(path, /*truncate=*/false);
}

Result<std::unique_ptr<WritableFile>> TestFileSystem::open_to_write(const std::string& path,
                                                                    bool truncate) {
  const std::lock_guard lock(mutex_);
  TUTTI_TRY(begin(path, "open to write"));
  TUTTI_ASSIGN(Location at, locate(path));
  if (at.node < 0) {
    at.node = add_node(FileKind::kFile);
    change(at.parent, {{at.name, at.node}});
  }
  Node& node = *nodes_[at.node];
  if (node.kind == FileKind::kDirectory) return io_error("{}: is a directory", path);
  if (truncate) node.bytes.clear();
  return std::unique_ptr<WritableFile>(new Writer(this, at.node, path));
}

Status TestFileSystem::truncate(const std::string& path, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  TUTTI_TRY(begin(path, "truncate"));
  TUTTI_ASSIGN(const int node, find_file(path));
  std::string& content = nodes_[node]->bytes;
  TUTTI_CHECK(bytes <= content.size(), "{}: {} of {} bytes", path, bytes, content.size());
  content.resize(bytes);
  return {};
}

Result<FileInfo> TestFileSystem::stat(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TUTTI_TRY(begin(path, "stat"));
  TUTTI_ASSIGN(const int node, find(path));
  return FileInfo{nodes_[node]->kind, nodes_[node]->bytes.size()};
}

Result<std::vector<DirectoryEntry>> TestFileSystem::list(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TUTTI_TRY(begin(path, "list"));
  TUTTI_ASSIGN(const int node, find(path));
  if (nodes_[node]->kind != FileKind::kDirectory) return not_found("{}: not a directory", path);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, child] : nodes_[node]->entries) {
    entries.push_back({name, nodes_[child]->kind});
  }
  return entries;
}

Status TestFileSystem::create_directories(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TUTTI_TRY(begin(path, "create the directory"));
  int at = 0;
  for (const std::string& name : split(path)) {
    const auto it = nodes_[at]->entries.find(name);
    int child = it == nodes_[at]->entries.end() ? -1 : it->second;
    if (child < 0) {
      child = add_node(FileKind::kDirectory);
      change(at, {{name, child}});
    } else if (nodes_[child]->kind != FileKind::kDirectory) {
      return io_error("{}: {} is a file", path, name);
    }
    at = child;
  }
  return {};
}

Status TestFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  TUTTI_TRY(begin(from, "rename"));
  TUTTI_ASSIGN(const Location source, locate(from));
  TUTTI_ASSIGN(const Location target, locate(to));
  if (source.node < 0) return not_found("{}: cannot rename to {}: no such file", from, to);
  if (source.parent < 0 || target.parent < 0) return io_error("{}: cannot rename the root", from);
  if (source.node == target.node) return {};
  if (target.node >= 0) {
    const Node& replaced = *nodes_[target.node];
    if (replaced.kind != nodes_[source.node]->kind || !replaced.entries.empty()) {
      return io_error("{}: cannot rename to {}: it is there and cannot be replaced", from, to);
    }
  }
  if (source.parent == target.parent) {
    change(source.parent, {{source.name, -1}, {target.name, source.node}});
  } else {
    change(target.parent, {{target.name, source.node}});
    change(source.parent, {{source.name, -1}});
  }
  return {};
}

Status TestFileSystem::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TUTTI_TRY(begin(path, "remove"));
  TUTTI_ASSIGN(const Location at, locate(path));
  if (at.node < 0) return not_found("{}: cannot remove: no such file or directory", path);
  if (at.parent < 0) return io_error("{}: cannot remove the root", path);
  if (!nodes_[at.node]->entries.empty()) return io_error("{}: directory not empty", path);
  change(at.parent, {{at.name, -1}});
  return {};
}

Status TestFileSystem::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TUTTI_TRY(begin(path, "sync the directory"));
  TUTTI_ASSIGN(const int node, find(path));
  Node& directory = *nodes_[node];
  if (directory.kind != FileKind::kDirectory) return not_found("{}: not a directory", path);
  directory.durable_entries = directory.entries;
  directory.changes.clear();
  return {};
}

Result<uint64_t> TestFileSystem::free_bytes(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TUTTI_TRY(begin(path, "read the free space"));
  const uint64_t used = used_bytes();
  return capacity_ > used ? capacity_ - used : 0;
}

Result<std::unique_ptr<FileLock>> TestFileSystem::lock(const std::string& path,
                                                       std::string_view owner) {
  const std::lock_guard lock(mutex_);
  TUTTI_TRY(begin(path, "lock"));
  TUTTI_TRY(find(parent_path(path)));
  const auto [held, taken] = lock_owners_.emplace(path, owner);
  if (!taken) return error(ErrorKind::kResource, "{} is held by {}", path, held->second);
  return std::unique_ptr<FileLock>(new Lock(this, path));
}

}  // namespace tutti
