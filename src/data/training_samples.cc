#include "data/training_samples.h"

#include <algorithm>

#include "base/rng.h"

namespace tutti {
namespace {

// A set alone has the order that it has without a mixture.
uint64_t seed_of_set(uint64_t seed, size_t set) {
  return set == 0 ? seed : stable_hash(fmt::format("data.mixture {} {}", seed, set));
}

}  // namespace

Result<TrainingSamples> TrainingSamples::create(std::vector<WeightedSet> sets, uint64_t seed) {
  std::vector<double> weights;
  std::vector<TokenDataset> tokens;
  for (WeightedSet& set : sets) {
    weights.push_back(set.weight);
    tokens.push_back(std::move(set.tokens));
  }
  TUTTI_ASSIGN(MixtureOrder mixture, MixtureOrder::create(weights));
  return TrainingSamples(std::move(tokens), std::move(mixture), seed);
}

TrainingSamples::TrainingSamples(std::vector<TokenDataset> sets, MixtureOrder mixture,
                                 uint64_t seed)
    : sets_(std::move(sets)), mixture_(std::move(mixture)) {
  for (size_t i = 0; i < sets_.size(); ++i) {
    TUTTI_CHECK(sets_[i].seq_len() == seq_len(), "set {}", i);
    orders_.emplace_back(seed_of_set(seed, i), sets_[i].samples());
  }
}

void TrainingSamples::fill(int64_t consumed, std::span<int32_t> tokens, std::span<int32_t> labels,
                           std::span<int32_t> positions, std::span<int32_t> segments) const {
  const MixtureOrder::Draw draw = mixture_.draw(consumed);
  sets_[draw.set].fill(orders_[draw.set].sample(draw.index), tokens, labels, positions, segments);
}

int64_t TrainingSamples::epoch(int64_t consumed) const {
  int64_t most = 0;
  for (size_t i = 0; i < sets_.size(); ++i) {
    const int64_t drawn = mixture_.drawn(static_cast<int32_t>(i), consumed);
    most = std::max(most, orders_[i].epoch(drawn));
  }
  return most;
}

double TrainingSamples::epochs(size_t i, int64_t consumed) const {
  return static_cast<double>(mixture_.drawn(static_cast<int32_t>(i), consumed)) /
         static_cast<double>(sets_[i].samples());
}

int64_t TrainingSamples::samples() const {
  int64_t sum = 0;
  for (const TokenDataset& set : sets_) sum += set.samples();
  return sum;
}

int64_t TrainingSamples::tokens() const {
  int64_t sum = 0;
  for (const TokenDataset& set : sets_) sum += set.tokens();
  return sum;
}

}  // namespace tutti
