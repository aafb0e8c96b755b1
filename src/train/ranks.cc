#include "train/ranks.h"

#include <numeric>

#include "comm/texts.h"

namespace tutti {

Result<Ranks> Ranks::create(World* world, int on_host) {
  Ranks ranks;
  ranks.world_ = world;
  ranks.on_host_ = on_host;
  TUTTI_ASSIGN(ranks.all_, ranks.group_of_all("run"));
  return ranks;
}

Result<std::unique_ptr<Communicator>> Ranks::group_of_all(const std::string& name) {
  if (size() == 1) return std::unique_ptr<Communicator>();
  std::vector<int> all(static_cast<size_t>(size()));
  std::iota(all.begin(), all.end(), 0);
  return world_->create_group(all, name);
}

Result<bool> Ranks::any(bool here) {
  int32_t value = here ? 1 : 0;
  if (all_ == nullptr) return here;
  TUTTI_TRY(all_->all_reduce(&value, &value, 1, DType::kI32, Reduce::kMax, "any"));
  return value != 0;
}

Result<int64_t> Ranks::sum(int64_t here) {
  if (all_ == nullptr) return here;
  TUTTI_TRY(all_->all_reduce(&here, &here, 1, DType::kI64, Reduce::kSum, "sum"));
  return here;
}

Result<double> Ranks::max(double here) {
  if (all_ == nullptr) return here;
  TUTTI_TRY(all_->all_reduce(&here, &here, 1, DType::kF64, Reduce::kMax, "max"));
  return here;
}

Result<std::string> Ranks::from_leader(std::string text) {
  if (all_ == nullptr) return text;
  return share_text(*all_, std::move(text), "text");
}

Result<std::vector<std::string>> Ranks::to_leader(std::string text) {
  if (all_ == nullptr) return std::vector<std::string>{std::move(text)};
  return gather_texts(*all_, std::move(text), "text");
}

Status Ranks::barrier() { return all_ == nullptr ? Status() : all_->barrier("run"); }

}  // namespace tutti
