// Counter-based random numbers: a pure function of a key and a counter, so that no layout, thread
// count or restart changes them. Thread-safe: there is no state.
//
// The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC'11, section 3.3). The key is made of (seed, step, name); the counter is the global index of an
// element, so element i of a tensor draws the same number wherever it is stored.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tutti {

struct RngKey {
  uint32_t low = 0;
  uint32_t high = 0;
};

// FNV-1a, 64 bits: stable across machines and versions (std::hash is not).
uint64_t stable_hash(std::string_view text);

// The key of one tensor at one step. `step` is 0 for initialisation.
RngKey rng_key(uint64_t seed, uint64_t step, uint64_t name_hash);

// The generator itself: four words from a counter of four words.
constexpr std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, RngKey key) {
  auto [c0, c1, c2, c3] = counter;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c0, p1 = uint64_t{0xCD9E8D57u} * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ key.low;
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ key.high;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    key.low += 0x9E3779B9u;
    key.high += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

// Four independent uniform 32-bit words for `counter`.
constexpr std::array<uint32_t, 4> philox(RngKey key, uint64_t counter) {
  return philox4x32({static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32), 0, 0},
                    key);
}

// Uniform in [0, 1) with 24 bits, from one word.
inline float uniform_float(uint32_t word) { return static_cast<float>(word >> 8) * 0x1.0p-24f; }

// Element `index` of the tensor keyed by `key`, from word index % 4 of counter index / 4: uniform
// in [0, 1) by uniform_float, or standard normal by normal_from (base/normal.h).
float uniform_at(RngKey key, uint64_t index);
float normal_at(RngKey key, uint64_t index);

}  // namespace tutti
