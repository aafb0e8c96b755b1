#include "train/ranks.h"

#include <numeric>

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
  auto size = static_cast<int64_t>(text.size());
  TUTTI_TRY(all_->broadcast(&size, 1, DType::kI64, 0, "size of a text"));
  text.resize(static_cast<size_t>(size));
  TUTTI_TRY(all_->broadcast(text.data(), size, DType::kU8, 0, "text"));
  return text;
}

Result<std::vector<std::string>> Ranks::to_leader(std::string text) {
  std::vector<std::string> texts{std::move(text)};
  if (all_ == nullptr) return texts;
  if (!leads()) {
    const auto size = static_cast<int64_t>(texts[0].size());
    TUTTI_TRY(all_->send(&size, 1, DType::kI64, 0, "size of a text"));
    TUTTI_TRY(all_->send(texts[0].data(), size, DType::kU8, 0, "text"));
    return std::vector<std::string>();
  }
  for (int rank = 1; rank < size(); ++rank) {
    int64_t size = 0;
    TUTTI_TRY(all_->receive(&size, 1, DType::kI64, rank, "size of a text"));
    texts.emplace_back(static_cast<size_t>(size), '\0');
    TUTTI_TRY(all_->receive(texts.back().data(), size, DType::kU8, rank, "text"));
  }
  return texts;
}

Status Ranks::barrier() { return all_ == nullptr ? Status() : all_->barrier("run"); }

}  // namespace tutti
