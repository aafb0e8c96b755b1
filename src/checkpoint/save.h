// Writing checkpoints so that no crash, full disk or error loses what was there before.
//
// A save has three phases, so that many ranks can take part: one rank begins it, every rank writes
// its own file, one rank commits. `save_checkpoint` does all three for a single rank.
//
//   begin    makes RUN_DIR/step-000123.tmp-TOKEN
//   write    rank-00000.safetensors in it, flushed and synced
//   commit   syncs that directory, renames the manifest into place in it (from here on the
//            checkpoint is valid), gives the directory its name and syncs RUN_DIR
//
// Nothing here is shared between calls; one save into a run directory at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/json.h"
#include "base/status.h"
#include "checkpoint/manifest.h"

namespace tutti {

// A tensor, or the part of one that a rank holds. The bytes, or what reads them, are not owned and
// must outlive the call.
struct SnapshotTensor {
  std::string name;
  DType dtype = DType::kF32;
  Sizes sizes;                  // of the whole tensor
  std::vector<Box> boxes = {};  // which elements `bytes` holds, box after box; none: all of them
  std::span<const char> bytes = {};
  // Where they are not in memory `bytes` is empty, and this reads those from `first` on.
  std::function<Status(uint64_t first, std::span<char> out)> read = {};
  uint64_t read_bytes = 0;

  uint64_t byte_count() const { return read ? read_bytes : bytes.size(); }
};

struct SnapshotState {
  int64_t step = 0;
  int64_t world_size = 1;
  std::string plan;
  int64_t data_position = 0;  // samples consumed
  Json trainer = Json::object();
};

struct Snapshot {
  SnapshotState state;
  std::vector<SnapshotTensor> tensors;
};

// One save in progress, the same on every rank.
struct SaveTicket {
  std::string run_dir;
  std::string write_token;
  std::string staging_dir = {};
  int64_t step = 0;
  int64_t save_index = 1;
};

// What one rank wrote: its file, and its shards as tensors that are not whole yet.
struct RankShards {
  ShardFile file;
  std::vector<LogicalTensor> tensors;
};

// 32 hex digits from the operating system's entropy.
std::string random_write_token();
// "step-000123"
std::string checkpoint_name(int64_t step);
// "rank-00001.safetensors"
std::string rank_file_name(int64_t rank);

Result<SaveTicket> begin_save(FileSystem& fs, const std::string& run_dir, int64_t step,
                              const std::string& write_token);

// kInvalidArgument: a tensor twice, boxes outside it, bytes that do not match them.
// kResource: the disk has less room than the tensors need.
Result<RankShards> write_rank_shards(FileSystem& fs, const SaveTicket& ticket, int64_t rank,
                                     std::span<const SnapshotTensor> tensors);

// Requires the shards of all ranks, which together hold every tensor whole. Returns the
// checkpoint's directory. A checkpoint of the same step stays, under another name.
Result<std::string> commit_save(FileSystem& fs, const SaveTicket& ticket,
                                const SnapshotState& state, std::span<const RankShards> ranks);

// Best effort: removes what a failed save left, so that a full disk does not stay full. One that
// failed after its manifest was in place left a checkpoint that is valid: it stays.
void abandon_save(FileSystem& fs, const SaveTicket& ticket);

// Writes `snapshot` and returns the checkpoint's directory.
Result<std::string> save_checkpoint(FileSystem& fs, const std::string& run_dir,
                                    const Snapshot& snapshot,
                                    const std::string& write_token = random_write_token());

}  // namespace tutti
