#include "checkpoint/checkpoint.h"

#include <algorithm>

#include "base/digest.h"
#include "base/log.h"
#include "checkpoint/run_directory.h"
#include "checkpoint/shard_reading.h"

namespace tutti {

namespace {

constexpr size_t kVerifyBufferBytes = 4 << 20;

// Opens a checkpoint and believes it as far as `trust` asks.
Result<Checkpoint> open_trusted(FileSystem& fs, const std::string& directory, Trust trust) {
  TUTTI_ASSIGN(Checkpoint checkpoint, Checkpoint::open(fs, directory));
  if (trust == Trust::kStructure) return checkpoint;
  const std::vector<std::string> faults = checkpoint.verify();
  if (faults.empty()) return checkpoint;
  const std::string more =
      faults.size() == 1 ? "" : fmt::format(" (and {} more faults)", faults.size() - 1);
  return corrupt("{}{}", faults.front(), more);
}

}  // namespace

Result<Checkpoint> Checkpoint::open(FileSystem& fs, const std::string& directory) {
  Checkpoint checkpoint;
  checkpoint.directory_ = directory;
  TUTTI_ASSIGN(checkpoint.manifest_, read_manifest(fs, directory));
  for (const ShardFile& file : checkpoint.manifest_.files) {
    TUTTI_TRY(checkpoint.open_file(fs, file));
  }
  const std::vector<LogicalTensor>& tensors = checkpoint.manifest_.tensors;
  for (size_t i = 0; i < tensors.size(); ++i) {
    checkpoint.by_name_[tensors[i].name] = i;
    for (const Shard& shard : tensors[i].shards) {
      TUTTI_TRY(checkpoint.check_shard(tensors[i], shard));
    }
  }
  return checkpoint;
}

Status Checkpoint::open_file(FileSystem& fs, const ShardFile& file) {
  const std::string path = join_path(directory_, file.name);
  TUTTI_ASSIGN(SafetensorsReader reader, SafetensorsReader::open(fs, path));
  if (reader.file_bytes() != file.bytes) {
    return corrupt("{}: has {} bytes, the manifest says {}", path, reader.file_bytes(), file.bytes);
  }
  if (reader.header_digest() != file.header_digest) {
    return corrupt("{}: the digest of its header is {}, the manifest says {}", path,
                   reader.header_digest().hex(), file.header_digest.hex());
  }
  files_.emplace(file.name, std::move(reader));
  return {};
}

Status Checkpoint::check_shard(const LogicalTensor& tensor, const Shard& shard) const {
  const SafetensorsReader& file = files_.at(shard.file);
  const SafetensorsTensor* stored = file.find(shard.tensor);
  if (stored == nullptr) {
    return corrupt("{}: no tensor \"{}\", which the manifest names for \"{}\"", file.path(),
                   shard.tensor, tensor.name);
  }
  const Sizes sizes = shard_sizes(shard);
  if (stored->dtype != tensor.dtype || stored->sizes != sizes) {
    return corrupt("{}: tensor \"{}\" is {} {}, the manifest says {} {}", file.path(), shard.tensor,
                   dtype_name(stored->dtype), sizes_text(stored->sizes), dtype_name(tensor.dtype),
                   sizes_text(sizes));
  }
  return {};
}

const LogicalTensor* Checkpoint::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &manifest_.tensors[found->second];
}

std::optional<TensorType> Checkpoint::type_of(const std::string& name) const {
  const LogicalTensor* tensor = find(name);
  if (tensor == nullptr) return std::nullopt;
  return TensorType{tensor->dtype, tensor->sizes};
}

Status Checkpoint::read(const std::string& name, std::span<char> out) {
  const LogicalTensor* tensor = find(name);
  if (tensor == nullptr) return not_found("{}: no tensor \"{}\"", directory_, name);
  return read_box(name, whole_box(tensor->sizes), out);
}

Status Checkpoint::read_box(const std::string& name, const Box& box, std::span<char> out) {
  const LogicalTensor* tensor = find(name);
  if (tensor == nullptr) return not_found("{}: no tensor \"{}\"", directory_, name);
  const Status inside = check_box(box, tensor->sizes, fmt::format("tensor \"{}\"", name));
  if (!inside.ok()) return invalid("{}: {}", directory_, inside.message());
  const size_t bytes = static_cast<size_t>(element_count(box.size)) * dtype_bytes(tensor->dtype);
  TUTTI_CHECK(out.size() == bytes, "tensor \"{}\": room for {} bytes, the box has {}", name,
              out.size(), bytes);
  for (const Shard& shard : tensor->shards) {
    SafetensorsReader& file = files_.at(shard.file);
    TUTTI_TRY(read_from_shard(file, *file.find(shard.tensor), shard.boxes, box, out));
  }
  return {};
}

Status Checkpoint::read_boxes(const std::string& name, std::span<const Box> boxes,
                              std::span<char> out) {
  const LogicalTensor* tensor = find(name);
  if (tensor == nullptr) return not_found("{}: no tensor \"{}\"", directory_, name);
  for (const Box& box : boxes) {
    const size_t bytes = static_cast<size_t>(element_count(box.size)) * dtype_bytes(tensor->dtype);
    TUTTI_TRY(read_box(name, box, out.first(bytes)));
    out = out.subspan(bytes);
  }
  return {};
}

std::vector<std::string> Checkpoint::verify() {
  std::vector<std::string> faults;
  std::vector<char> buffer(kVerifyBufferBytes);
  for (const LogicalTensor& tensor : manifest_.tensors) {
    for (const Shard& shard : tensor.shards) {
      const Status status = verify_shard(tensor, shard, buffer);
      if (!status.ok()) faults.push_back(status.message());
    }
  }
  return faults;
}

Status Checkpoint::verify_shard(const LogicalTensor& tensor, const Shard& shard,
                                std::span<char> buffer) {
  SafetensorsReader& file = files_.at(shard.file);
  const SafetensorsTensor& stored = *file.find(shard.tensor);
  Digester digester;
  for (uint64_t offset = 0; offset < stored.bytes;) {
    const auto piece = buffer.first(std::min<uint64_t>(buffer.size(), stored.bytes - offset));
    TUTTI_TRY(file.read(stored, offset, piece));
    digester.update(std::string_view(piece.data(), piece.size()));
    offset += piece.size();
  }
  const Digest computed = digester.digest();
  if (computed == shard.digest) return {};
  return corrupt("{}: tensor \"{}\": the digest of its {} bytes is {}, the manifest says {}",
                 file.path(), tensor.name, stored.bytes, computed.hex(), shard.digest.hex());
}

Result<Checkpoint> load_checkpoint(FileSystem& fs, const std::string& path, Trust trust) {
  TUTTI_ASSIGN(const bool is_checkpoint, has_manifest(fs, path));
  if (is_checkpoint) return open_trusted(fs, path, trust);
  TUTTI_ASSIGN(const std::vector<CheckpointEntry> entries, list_checkpoints(fs, path));
  if (entries.empty()) return not_found("{}: holds no checkpoint, and is none", path);
  // A broken manifest does not tell its age: it may have been the newest.
  for (const CheckpointEntry& entry : entries) {
    if (!entry.fault.ok()) log_warning("skipping a checkpoint: {}", entry.fault.message());
  }
  for (const CheckpointEntry& entry : entries) {
    if (!entry.fault.ok()) continue;
    Result<Checkpoint> checkpoint = open_trusted(fs, entry.path, trust);
    if (checkpoint.ok()) return checkpoint;
    log_warning("skipping a checkpoint: {}", checkpoint.message());
  }
  return not_found("{}: none of its {} checkpoints is valid", path, entries.size());
}

}  // namespace tutti
