#include "base/rng.h"

#include <cmath>
#include <numbers>

namespace tutti {
namespace {

// The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA'14): a bijection that spreads each
// bit.
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15u;

}  // namespace

uint64_t stable_hash(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

RngKey rng_key(uint64_t seed, uint64_t step, uint64_t name_hash) {
  uint64_t key = mix(seed + kGolden);
  key = mix((key ^ step) + kGolden);
  key = mix((key ^ name_hash) + kGolden);
  return {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}

std::array<float, 2> normal_pair(uint32_t word0, uint32_t word1) {
  // The half keeps the argument of the logarithm inside (0, 1).
  const double u = (word0 + 0.5) * 0x1.0p-32, v = (word1 + 0.5) * 0x1.0p-32;
  const double radius = std::sqrt(-2.0 * std::log(u)), angle = 2.0 * std::numbers::pi * v;
  return {static_cast<float>(radius * std::cos(angle)),
          static_cast<float>(radius * std::sin(angle))};
}

float uniform_at(RngKey key, uint64_t index) {
  return uniform_float(philox(key, index / 4)[index % 4]);
}

float normal_at(RngKey key, uint64_t index) {
  const std::array<uint32_t, 4> words = philox(key, index / 4);
  const size_t pair = index % 4 / 2;
  return normal_pair(words[2 * pair], words[2 * pair + 1])[index % 2];
}

}  // namespace tutti
