#include "base/rng.h"

#include "base/normal.h"

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

float uniform_at(RngKey key, uint64_t index) {
  return uniform_float(philox(key, index / 4)[index % 4]);
}

float normal_at(RngKey key, uint64_t index) {
  return normal_from<ScalarLanes>(philox(key, index / 4)[index % 4]);
}

}  // namespace tutti
