// The order in which training takes its samples: a keyed permutation of [0, samples) for each epoch
// (a Feistel network over the next power of four, with cycle walking: Black and Rogaway, "Ciphers
// with arbitrary finite domains", CT-RSA 2002). It has no state: sample(n) is a pure function of
// (seed, samples, n), so the number of samples consumed is all that a checkpoint must remember, on
// any number of ranks. Immutable and thread-safe.
#pragma once

#include <cstdint>

namespace tutti {

class SampleOrder {
 public:
  // Requires samples >= 1. Without `shuffle` every epoch runs from 0 to samples - 1.
  SampleOrder(uint64_t seed, int64_t samples, bool shuffle = true);

  // The sample to take after `consumed` samples were taken. Requires consumed >= 0.
  int64_t sample(int64_t consumed) const;
  int64_t epoch(int64_t consumed) const { return consumed / samples_; }
  int64_t samples() const { return samples_; }

 private:
  uint64_t permute(uint64_t epoch, uint64_t value) const;

  uint64_t seed_;
  int64_t samples_;
  bool shuffle_;
  int half_bits_ = 0;  // of the network's domain, 2^(2 * half_bits) >= samples
};

}  // namespace tutti
