#include "checkpoint/save.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "base/log.h"
#include "checkpoint/run_directory.h"
#include "checkpoint/safetensors_writer.h"

namespace tutti {

namespace {

// Room beyond the tensors for headers, the manifest and the file system's own bookkeeping.
constexpr uint64_t kSpareBytes = 1 << 20;

Status check_tensor(const SnapshotTensor& tensor, std::span<const Box> boxes) {
  const std::string what = fmt::format("tensor \"{}\"", tensor.name);
  const Result<int64_t> whole = checked_element_count(tensor.sizes, tensor.dtype);
  if (!whole.ok()) return invalid("{}: {}", what, whole.message());
  int64_t elements = 0;
  for (const Box& box : boxes) {
    const Status inside = check_box(box, tensor.sizes, what);
    if (!inside.ok()) return invalid("{}", inside.message());
    elements += element_count(box.size);
    if (elements > whole.value()) return invalid("{}: its boxes overlap", what);
  }
  const uint64_t expected = static_cast<uint64_t>(elements) * dtype_bytes(tensor.dtype);
  if (tensor.byte_count() != expected) {
    return invalid("{}: got {} bytes, expected {} for {} elements of {}", what, tensor.byte_count(),
                   expected, elements, dtype_name(tensor.dtype));
  }
  return {};
}

Status check_room(FileSystem& fs, const std::string& directory,
                  std::span<const SnapshotTensor> tensors) {
  uint64_t needed = kSpareBytes;
  for (const SnapshotTensor& tensor : tensors) needed += tensor.byte_count();
  TUTTI_ASSIGN(const uint64_t room, fs.free_bytes(directory));
  if (room >= needed) return {};
  return error(ErrorKind::kResource, "{}: the checkpoint needs {} bytes, the disk has {} free",
               directory, needed, room);
}

Status append(SafetensorsWriter& writer, const SnapshotTensor& tensor) {
  if (!tensor.read) return writer.append(tensor.bytes);
  constexpr uint64_t kPieceBytes = 4 << 20;
  std::vector<char> piece(std::min(tensor.read_bytes, kPieceBytes));
  for (uint64_t first = 0; first < tensor.read_bytes; first += piece.size()) {
    const auto here = std::span(piece).first(std::min(piece.size(), tensor.read_bytes - first));
    TUTTI_TRY(tensor.read(first, here));
    TUTTI_TRY(writer.append(here));
  }
  return {};
}

Result<std::vector<LogicalTensor>> merge_ranks(std::span<const RankShards> ranks) {
  std::vector<LogicalTensor> tensors;
  std::map<std::string, size_t> by_name;
  for (const RankShards& rank : ranks) {
    for (const LogicalTensor& part : rank.tensors) {
      const auto [found, added] = by_name.emplace(part.name, tensors.size());
      if (added) {
        tensors.push_back(part);
        continue;
      }
      LogicalTensor& whole = tensors[found->second];
      if (whole.dtype != part.dtype || whole.sizes != part.sizes) {
        return invalid("tensor \"{}\": {} says {} {}, another rank {} {}", part.name,
                       rank.file.name, dtype_name(part.dtype), sizes_text(part.sizes),
                       dtype_name(whole.dtype), sizes_text(whole.sizes));
      }
      whole.shards.insert(whole.shards.end(), part.shards.begin(), part.shards.end());
    }
  }
  return tensors;
}

// Makes way for a checkpoint of the same step: its content may be all there is, so it is kept under
// another name. Retention deletes it when its time has come.
Status move_aside(FileSystem& fs, const std::string& run_dir, const std::string& directory,
                  const std::string& write_token) {
  const Result<FileInfo> info = fs.stat(directory);
  if (!info.ok() && info.error().kind == ErrorKind::kNotFound) return {};
  TUTTI_TRY(info);
  TUTTI_TRY(fs.rename(directory, directory + ".old-" + write_token));
  return fs.sync_directory(run_dir);
}

}  // namespace

std::string random_write_token() {
  std::random_device entropy;
  std::string token;
  for (int word = 0; word < 4; ++word) token += fmt::format("{:08x}", entropy());
  return token;
}

std::string checkpoint_name(int64_t step) { return fmt::format("step-{:06}", step); }

std::string rank_file_name(int64_t rank) { return fmt::format("rank-{:05}.safetensors", rank); }

Result<SaveTicket> begin_save(FileSystem& fs, const std::string& run_dir, int64_t step,
                              const std::string& write_token) {
  if (step < 0) return invalid("{}: cannot save step {}", run_dir, step);
  TUTTI_CHECK(is_write_token(write_token), "write token \"{}\"", write_token);
  TUTTI_TRY(create_run_directory(fs, run_dir));
  SaveTicket ticket{.run_dir = run_dir, .write_token = write_token, .step = step};
  TUTTI_ASSIGN(const std::vector<CheckpointEntry> entries, list_checkpoints(fs, run_dir));
  for (const CheckpointEntry& entry : entries) {
    ticket.save_index = std::max(ticket.save_index, entry.save_index + 1);
  }
  ticket.staging_dir = join_path(run_dir, checkpoint_name(step) + ".tmp-" + write_token);
  TUTTI_TRY(fs.create_directories(ticket.staging_dir));
  return ticket;
}

Result<RankShards> write_rank_shards(FileSystem& fs, const SaveTicket& ticket, int64_t rank,
                                     std::span<const SnapshotTensor> tensors) {
  TUTTI_TRY(check_room(fs, ticket.staging_dir, tensors));
  RankShards result;
  result.file.name = rank_file_name(rank);
  std::vector<SafetensorsDeclaration> declarations;
  for (const SnapshotTensor& tensor : tensors) {
    Shard shard{.file = result.file.name, .tensor = tensor.name, .boxes = tensor.boxes};
    if (shard.boxes.empty()) shard.boxes = {whole_box(tensor.sizes)};
    TUTTI_TRY(check_tensor(tensor, shard.boxes));
    declarations.push_back({tensor.name, tensor.dtype, shard_sizes(shard)});
    result.tensors.push_back({tensor.name, tensor.dtype, tensor.sizes, {std::move(shard)}});
  }
  const std::map<std::string, std::string> metadata = {{"write_token", ticket.write_token}};
  TUTTI_ASSIGN(SafetensorsWriter writer,
               SafetensorsWriter::create(fs, join_path(ticket.staging_dir, result.file.name),
                                         declarations, metadata));
  for (const SnapshotTensor& tensor : tensors) TUTTI_TRY(append(writer, tensor));
  TUTTI_ASSIGN(const SafetensorsSummary summary, writer.finish());
  result.file.bytes = summary.file_bytes;
  result.file.header_digest = summary.header_digest;
  for (size_t i = 0; i < tensors.size(); ++i) {
    result.tensors[i].shards.front().digest = summary.tensor_digests[i];
  }
  return result;
}

Result<std::string> commit_save(FileSystem& fs, const SaveTicket& ticket,
                                const SnapshotState& state, std::span<const RankShards> ranks) {
  Manifest manifest{.write_token = ticket.write_token,
                    .save_index = ticket.save_index,
                    .step = ticket.step,
                    .world_size = state.world_size,
                    .plan = state.plan,
                    .data_position = state.data_position,
                    .trainer = state.trainer};
  for (const RankShards& rank : ranks) manifest.files.push_back(rank.file);
  TUTTI_ASSIGN(manifest.tensors, merge_ranks(ranks));
  TUTTI_ASSIGN(const std::string text, print_manifest(manifest));
  // The files' names must be on disk before the manifest that speaks of them.
  TUTTI_TRY(fs.sync_directory(ticket.staging_dir));
  TUTTI_TRY(write_file_atomic(fs, join_path(ticket.staging_dir, kManifestName), text));
  const std::string directory = join_path(ticket.run_dir, checkpoint_name(ticket.step));
  TUTTI_TRY(move_aside(fs, ticket.run_dir, directory, ticket.write_token));
  TUTTI_TRY(fs.rename(ticket.staging_dir, directory));
  TUTTI_TRY(fs.sync_directory(ticket.run_dir));
  const Status hint = write_file_atomic(fs, join_path(ticket.run_dir, kLatestName),
                                        checkpoint_name(ticket.step) + "\n");
  if (!hint.ok())
    log_warning("the hint at the newest checkpoint was not written: {}", hint.message());
  return directory;
}

void abandon_save(FileSystem& fs, const SaveTicket& ticket) {
  const Result<bool> committed = has_manifest(fs, ticket.staging_dir);
  if (!committed.ok() || *committed) return;
  const Status removed = remove_tree(fs, ticket.staging_dir);
  if (!removed.ok())
    log_warning("a failed save left {}: {}", ticket.staging_dir, removed.message());
}

Result<std::string> save_checkpoint(FileSystem& fs, const std::string& run_dir,
                                    const Snapshot& snapshot, const std::string& write_token) {
  TUTTI_ASSIGN(const SaveTicket ticket, begin_save(fs, run_dir, snapshot.state.step, write_token));
  const Result<std::string> directory = [&]() -> Result<std::string> {
    TUTTI_ASSIGN(const RankShards shards, write_rank_shards(fs, ticket, 0, snapshot.tensors));
    return commit_save(fs, ticket, snapshot.state, std::span(&shards, 1));
  }();
  if (!directory.ok()) abandon_save(fs, ticket);
  return directory;
}

}  // namespace tutti
