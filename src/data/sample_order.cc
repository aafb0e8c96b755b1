#include "data/sample_order.h"

#include "base/rng.h"
#include "base/status.h"

namespace tutti {
namespace {

// Four rounds make a strong permutation of a wide block (Luby and Rackoff 1988); the narrow blocks
// of small corpora need more to look uniform.
constexpr uint64_t kRounds = 8;

}  // namespace

SampleOrder::SampleOrder(uint64_t seed, int64_t samples, bool shuffle)
    : seed_(seed), samples_(samples), shuffle_(shuffle) {
  TUTTI_CHECK(samples >= 1, "{} samples", samples);
  while (half_bits_ < 31 && (uint64_t{1} << (2 * half_bits_)) < static_cast<uint64_t>(samples)) {
    ++half_bits_;
  }
  TUTTI_CHECK(static_cast<uint64_t>(samples) <= uint64_t{1} << (2 * half_bits_), "{} samples",
              samples);
}

int64_t SampleOrder::sample(int64_t consumed) const {
  TUTTI_CHECK(consumed >= 0, "{} samples consumed", consumed);
  const int64_t position = consumed % samples_;
  if (!shuffle_) return position;
  // The domain is less than four times as large as needed, so this takes four steps on average at
  // most; it ends because the walk is a cycle through `position`, which is in range.
  auto value = static_cast<uint64_t>(position);
  do {
    value = permute(static_cast<uint64_t>(epoch(consumed)), value);
  } while (value >= static_cast<uint64_t>(samples_));
  return static_cast<int64_t>(value);
}

uint64_t SampleOrder::permute(uint64_t epoch, uint64_t value) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  const RngKey key = rng_key(seed_, epoch, stable_hash("data.sample_order"));
  uint64_t left = value >> half_bits_, right = value & mask;
  for (uint64_t round = 0; round < kRounds; ++round) {
    const uint64_t mixed = philox(key, round << 32 | right)[0];
    const uint64_t next = (left ^ mixed) & mask;
    left = right;
    right = next;
  }
  return left << half_bits_ | right;
}

}  // namespace tutti
