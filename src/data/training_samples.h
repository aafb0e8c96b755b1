// The samples that a run takes, one after the other: of one set of tokens, or of several mixed by
// weight. Each set has its own epochs and its own keyed permutation. No state: sample n is a pure
// function of the sets, the weights, the seed and n. Immutable and thread-safe; owns the sets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/mixture_order.h"
#include "data/sample_order.h"
#include "data/token_dataset.h"

namespace tutti {

struct WeightedSet {
  TokenDataset tokens;
  double weight = 1;
};

class TrainingSamples {
 public:
  // Requires at least one set, all of one seq_len. The errors are those of MixtureOrder::create.
  static Result<TrainingSamples> create(std::vector<WeightedSet> sets, uint64_t seed);

  // Fills the sample that is taken after `consumed` others: see TokenDataset::fill.
  void fill(int64_t consumed, std::span<int32_t> tokens, std::span<int32_t> labels,
            std::span<int32_t> positions, std::span<int32_t> segments = {}) const;

  // How often the set that went round most often was read to its end before that sample.
  int64_t epoch(int64_t consumed) const;
  // How often set `i` is read by the first `consumed` samples, in parts of its samples.
  double epochs(size_t i, int64_t consumed) const;

  const std::vector<TokenDataset>& sets() const { return sets_; }
  const MixtureOrder& mixture() const { return mixture_; }
  int64_t seq_len() const { return sets_.front().seq_len(); }
  int64_t samples() const;  // of all sets
  int64_t tokens() const;

 private:
  TrainingSamples(std::vector<TokenDataset> sets, MixtureOrder mixture, uint64_t seed);

  std::vector<TokenDataset> sets_;
  std::vector<SampleOrder> orders_;  // of the sets
  MixtureOrder mixture_;
};

}  // namespace tutti
