#include "checkpoint/copy_checkpoint.h"

#include <algorithm>
#include <vector>

#include "checkpoint/safetensors_writer.h"

namespace tutti {
namespace {

constexpr uint64_t kSpareBytes = 1 << 20;  // for headers and the manifest

// The part of a tensor that goes into one file.
struct Piece {
  std::string name;
  TensorType type;
  std::vector<Box> boxes = {};
  uint64_t bytes = 0;
};

struct Copy {
  std::vector<std::vector<Piece>> files;
  uint64_t total_bytes = 0;
  uint64_t largest_bytes = 0;  // of a piece
};

// Where file `index` of `files` begins in `bytes` bytes.
uint64_t cut(uint64_t bytes, uint64_t index, uint64_t files) {
  return bytes / files * index + bytes % files * index / files;
}

// How many elements of a tensor, which begins at byte `start`, lie before byte `end`.
int64_t elements_before(uint64_t end, uint64_t start, const TensorType& type) {
  if (end <= start) return 0;
  const uint64_t elements = (end - start) / dtype_bytes(type.dtype);
  return std::min(static_cast<int64_t>(elements), element_count(type.sizes));
}

Result<std::vector<Piece>> whole_tensors(const TensorSource& source,
                                         std::span<const std::string> names) {
  std::vector<Piece> tensors;
  for (const std::string& name : names) {
    const auto type = source.type_of(name);
    if (!type) return not_found("{}: no tensor \"{}\"", source.directory(), name);
    const auto elements = static_cast<uint64_t>(element_count(type->sizes));
    tensors.push_back({.name = name, .type = *type, .bytes = elements * dtype_bytes(type->dtype)});
  }
  return tensors;
}

Result<Copy> plan_copy(const TensorSource& source, std::span<const std::string> names, int files) {
  TUTTI_ASSIGN(const std::vector<Piece> tensors, whole_tensors(source, names));
  Copy copy;
  int64_t elements = 0;
  for (const Piece& tensor : tensors) {
    copy.total_bytes += tensor.bytes;
    elements += element_count(tensor.type.sizes);
  }
  if (files > 1 && elements < files) {
    return invalid("{}: {} elements do not fill {} files", source.directory(), elements, files);
  }
  const auto count = static_cast<uint64_t>(files);
  for (uint64_t file = 0; file < count; ++file) {
    const uint64_t first = cut(copy.total_bytes, file, count);
    const uint64_t last = cut(copy.total_bytes, file + 1, count);
    std::vector<Piece>& pieces = copy.files.emplace_back();
    uint64_t start = 0;
    for (Piece piece : tensors) {
      const int64_t begin = elements_before(first, start, piece.type);
      const int64_t end = elements_before(last, start, piece.type);
      start += piece.bytes;
      if (begin == end) continue;
      piece.boxes = flat_range_boxes(piece.type.sizes, begin, end);
      piece.bytes = static_cast<uint64_t>(end - begin) * dtype_bytes(piece.type.dtype);
      copy.largest_bytes = std::max(copy.largest_bytes, piece.bytes);
      pieces.push_back(std::move(piece));
    }
  }
  return copy;
}

Result<RankShards> write_file(FileSystem& fs, const SaveTicket& ticket, size_t index,
                              const std::vector<Piece>& pieces, TensorSource& source,
                              std::span<char> buffer) {
  RankShards result;
  result.file.name = rank_file_name(static_cast<int64_t>(index));
  std::vector<SafetensorsDeclaration> declarations;
  for (const Piece& piece : pieces) {
    Shard shard{.file = result.file.name, .tensor = piece.name, .boxes = piece.boxes};
    declarations.push_back({piece.name, piece.type.dtype, shard_sizes(shard)});
    result.tensors.push_back({piece.name, piece.type.dtype, piece.type.sizes, {std::move(shard)}});
  }
  TUTTI_ASSIGN(SafetensorsWriter writer,
               SafetensorsWriter::create(fs, join_path(ticket.staging_dir, result.file.name),
                                         declarations, {{"write_token", ticket.write_token}}));
  for (const Piece& piece : pieces) {
    const std::span<char> place = buffer.first(piece.bytes);
    TUTTI_TRY(source.read_boxes(piece.name, piece.boxes, place));
    TUTTI_TRY(writer.append(place));
  }
  TUTTI_ASSIGN(const SafetensorsSummary summary, writer.finish());
  result.file.bytes = summary.file_bytes;
  result.file.header_digest = summary.header_digest;
  for (size_t i = 0; i < pieces.size(); ++i) {
    result.tensors[i].shards.front().digest = summary.tensor_digests[i];
  }
  return result;
}

Result<std::string> save_copy(FileSystem& fs, const SaveTicket& ticket, const SnapshotState& state,
                              const Copy& copy, TensorSource& source) {
  TUTTI_ASSIGN(const uint64_t room, fs.free_bytes(ticket.staging_dir));
  if (room < copy.total_bytes + kSpareBytes) {
    return error(ErrorKind::kResource, "{}: the checkpoint needs {} bytes, the disk has {} free",
                 ticket.run_dir, copy.total_bytes + kSpareBytes, room);
  }
  std::vector<char> buffer(copy.largest_bytes);
  std::vector<RankShards> written;
  for (size_t i = 0; i < copy.files.size(); ++i) {
    TUTTI_ASSIGN(RankShards file, write_file(fs, ticket, i, copy.files[i], source, buffer));
    written.push_back(std::move(file));
  }
  return commit_save(fs, ticket, state, written);
}

}  // namespace

Result<std::string> copy_checkpoint(FileSystem& fs, const std::string& run_dir,
                                    const SnapshotState& state, TensorSource& source,
                                    std::span<const std::string> names, int files) {
  TUTTI_ASSIGN(const Copy copy, plan_copy(source, names, files));
  TUTTI_ASSIGN(const SaveTicket ticket, begin_save(fs, run_dir, state.step, random_write_token()));
  const Result<std::string> directory = save_copy(fs, ticket, state, copy, source);
  if (!directory.ok()) abandon_save(fs, ticket);
  return directory;
}

}  // namespace tutti
