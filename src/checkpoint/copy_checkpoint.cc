#include "checkpoint/copy_checkpoint.h"

#include <algorithm>
#include <vector>

#include "checkpoint/run_directory.h"
#include "checkpoint/safetensors_writer.h"

namespace tutti {
namespace {

constexpr uint64_t kSpareBytes = 1 << 20;  // for headers and the manifest
constexpr const char* kFileName = "rank-00000.safetensors";

struct Copy {
  std::vector<SafetensorsDeclaration> declarations;
  uint64_t total_bytes = 0;
  uint64_t largest_bytes = 0;
};

Result<Copy> plan_copy(const TensorSource& source, std::span<const std::string> names) {
  Copy copy;
  for (const std::string& name : names) {
    const auto type = source.type_of(name);
    if (!type) return not_found("{}: no tensor \"{}\"", source.directory(), name);
    copy.declarations.push_back({name, type->dtype, type->sizes});
    const uint64_t bytes =
        static_cast<uint64_t>(element_count(type->sizes)) * dtype_bytes(type->dtype);
    copy.total_bytes += bytes;
    copy.largest_bytes = std::max(copy.largest_bytes, bytes);
  }
  return copy;
}

Result<RankShards> write_copy(FileSystem& fs, const SaveTicket& ticket, const Copy& copy,
                              TensorSource& source) {
  TUTTI_ASSIGN(SafetensorsWriter writer,
               SafetensorsWriter::create(fs, join_path(ticket.staging_dir, kFileName),
                                         copy.declarations, {{"write_token", ticket.write_token}}));
  std::vector<char> buffer(copy.largest_bytes);
  for (const SafetensorsDeclaration& tensor : copy.declarations) {
    const auto bytes = static_cast<size_t>(element_count(tensor.sizes)) * dtype_bytes(tensor.dtype);
    const std::span<char> place = std::span(buffer).first(bytes);
    TUTTI_TRY(source.read(tensor.name, place));
    TUTTI_TRY(writer.append(place));
  }
  TUTTI_ASSIGN(const SafetensorsSummary summary, writer.finish());
  RankShards result{.file = {kFileName, summary.file_bytes, summary.header_digest}, .tensors = {}};
  for (size_t i = 0; i < copy.declarations.size(); ++i) {
    const auto& [name, dtype, sizes] = copy.declarations[i];
    Shard shard{kFileName, name, {whole_box(sizes)}, summary.tensor_digests[i]};
    result.tensors.push_back({name, dtype, sizes, {std::move(shard)}});
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
  TUTTI_ASSIGN(const RankShards shards, write_copy(fs, ticket, copy, source));
  return commit_save(fs, ticket, state, std::span(&shards, 1));
}

}  // namespace

Result<std::string> copy_checkpoint(FileSystem& fs, const std::string& run_dir,
                                    const SnapshotState& state, TensorSource& source,
                                    std::span<const std::string> names) {
  TUTTI_ASSIGN(const Copy copy, plan_copy(source, names));
  TUTTI_ASSIGN(const SaveTicket ticket, begin_save(fs, run_dir, state.step, random_write_token()));
  const Result<std::string> directory = save_copy(fs, ticket, state, copy, source);
  const Result<bool> committed = has_manifest(fs, ticket.staging_dir);
  if (!directory.ok() && committed.ok() && !*committed) abandon_save(fs, ticket);
  return directory;
}

}  // namespace tutti
