// What the tests of kernels share: which tables can run here, random inputs, and comparison.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "kernels/cpu/kernels.h"

namespace tutti::cpu {

// The fast tables that this build has and this CPU can run: each is held against the oracle.
std::vector<const Kernels*> fast_tables();
// Those and the oracle: each must keep the promises of invariance.
std::vector<const Kernels*> all_tables();

// Random inputs from a seed that is printed and can be set with TUTTI_TEST_SEED.
class RandomInputs {
 public:
  RandomInputs();

  std::vector<float> normal(int64_t count, float stddev = 1.0f);
  std::vector<float> uniform(int64_t count, float low, float high);
  std::vector<int32_t> integers(int64_t count, int32_t low, int32_t high);  // both included

 private:
  std::mt19937_64 engine_;
};

// The largest |actual - expected| / max(|expected|, floor); infinite where just one is NaN or the
// sizes differ.
double max_relative_error(std::span<const float> actual, std::span<const float> expected,
                          double floor = 1.0);

// Equal bit for bit (a NaN equals itself, 0 differs from -0).
template <typename T>
bool same_bits(std::span<const T> a, std::span<const T> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}
inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return same_bits(std::span<const float>(a), std::span<const float>(b));
}

}  // namespace tutti::cpu
