#include "checkpoint/save_group.h"

#include "checkpoint/manifest_json.h"
#include "checkpoint/outcome.h"
#include "checkpoint/retention.h"

namespace tutti {
namespace {

constexpr const char* kWhat = "what a rank wrote";

Json to_json(const SaveTicket& ticket) {
  return {{"write_token", ticket.write_token},
          {"staging_dir", ticket.staging_dir},
          {"save_index", ticket.save_index}};
}

Json to_json(const RankShards& shards) {
  Json tensors = Json::array();
  for (const LogicalTensor& tensor : shards.tensors) tensors.push_back(to_json(tensor));
  return {{"file", to_json(shards.file)}, {"tensors", std::move(tensors)}};
}

Result<RankShards> parse_shards(const Json& object) {
  RankShards shards;
  TUTTI_ASSIGN(shards.file, parse_shard_file(object["file"], kWhat));
  for (const Json& value : object["tensors"]) {
    TUTTI_ASSIGN(LogicalTensor tensor, parse_logical_tensor(value, kWhat));
    shards.tensors.push_back(std::move(tensor));
  }
  return shards;
}

}  // namespace

SaveGroup::SaveGroup(FileSystem& fs, std::string run_dir, int checkpoints_kept, Communicator* ranks)
    : fs_(fs), run_dir_(std::move(run_dir)), checkpoints_kept_(checkpoints_kept), ranks_(ranks) {}

Result<std::string> SaveGroup::save(const Snapshot& snapshot) {
  if (ranks_ != nullptr) return save_together(snapshot);
  TUTTI_ASSIGN(std::string directory, save_checkpoint(fs_, run_dir_, snapshot));
  TUTTI_TRY(keep_newest());
  return directory;
}

Status SaveGroup::agree(const Status& own) {
  if (ranks_ == nullptr) return own;
  const auto all = gather_outcomes(*ranks_, own.ok() ? Outcome(Json()) : Outcome(own.error()));
  return share_outcome(*ranks_, all.ok() ? Outcome(Json()) : Outcome(all.error())).status();
}

Result<std::string> SaveGroup::save_together(const Snapshot& snapshot) {
  TUTTI_ASSIGN(const SaveTicket ticket, begin(snapshot.state.step));
  const Result<RankShards> own = write(ticket, snapshot);
  const Result<std::string> directory = commit(ticket, snapshot.state, own);
  TUTTI_ASSIGN(const Json shared,
               share_outcome(*ranks_, directory.ok() ? Outcome(Json(*directory))
                                                     : Outcome(directory.error())));
  return shared.text();
}

Result<SaveTicket> SaveGroup::begin(int64_t step) {
  Outcome begun = Json();
  if (ranks_->rank() == 0) {
    const auto ticket = begin_save(fs_, run_dir_, step, random_write_token());
    begun = ticket.ok() ? Outcome(to_json(*ticket)) : Outcome(ticket.error());
  }
  TUTTI_ASSIGN(const Json shared, share_outcome(*ranks_, begun));
  return SaveTicket{.run_dir = run_dir_,
                    .write_token = shared["write_token"].text(),
                    .staging_dir = shared["staging_dir"].text(),
                    .step = step,
                    .save_index = shared["save_index"].get<int64_t>()};
}

// A rank that holds nothing but copies writes no file.
Result<RankShards> SaveGroup::write(const SaveTicket& ticket, const Snapshot& snapshot) {
  if (snapshot.tensors.empty()) return RankShards();
  return write_rank_shards(fs_, ticket, ranks_->rank(), snapshot.tensors);
}

// The directory on rank 0; on others nothing that counts.
Result<std::string> SaveGroup::commit(const SaveTicket& ticket, const SnapshotState& state,
                                      const Result<RankShards>& own) {
  const auto gathered =
      gather_outcomes(*ranks_, own.ok() ? Outcome(to_json(*own)) : Outcome(own.error()));
  if (ranks_->rank() != 0) return std::string();
  Result<std::string> directory = [&]() -> Result<std::string> {
    TUTTI_TRY(gathered);
    std::vector<RankShards> shards;
    for (const Json& value : *gathered) {
      TUTTI_ASSIGN(RankShards of_rank, parse_shards(value));
      if (!of_rank.tensors.empty()) shards.push_back(std::move(of_rank));
    }
    SnapshotState all = state;
    all.world_size = size();
    return commit_save(fs_, ticket, all, shards);
  }();
  if (directory.ok()) {
    TUTTI_TRY(keep_newest());
  } else {
    abandon_save(fs_, ticket);
  }
  return directory;
}

Status SaveGroup::keep_newest() {
  if (checkpoints_kept_ == 0) return {};
  return keep_last(fs_, run_dir_, checkpoints_kept_).status();
}

}  // namespace tutti
