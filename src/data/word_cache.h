// Remembers how recent words were encoded. Natural text repeats its words, so most lookups hit.
// Direct mapped: a new word takes the place of an older one. Owned by one thread.
#pragma once

#include <xxhash.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace tutti {

class WordCache {
 public:
  // The ids of `word`; empty when it is not here. Valid until the next put().
  std::span<const int32_t> get(std::string_view word) const {
    if (slots_.empty() || word.size() > kWordBytesMax) return {};
    const Slot& slot = slots_[index(word)];
    if (slot.bytes != word.size() || std::memcmp(slot.word.data(), word.data(), word.size()) != 0) {
      return {};
    }
    return {slot.ids.data(), slot.count};
  }

  // Words too long, or of too many ids, are not kept.
  void put(std::string_view word, std::span<const int32_t> ids) {
    if (word.empty() || word.size() > kWordBytesMax || ids.size() > kIdsMax) return;
    if (slots_.empty()) slots_.resize(kSlots);
    Slot& slot = slots_[index(word)];
    slot.bytes = static_cast<uint8_t>(word.size());
    slot.count = static_cast<uint8_t>(ids.size());
    std::memcpy(slot.word.data(), word.data(), word.size());
    std::copy(ids.begin(), ids.end(), slot.ids.begin());
  }

 private:
  static constexpr size_t kSlots = 1 << 15;
  static constexpr size_t kWordBytesMax = 22;
  static constexpr size_t kIdsMax = 10;
  struct Slot {  // one cache line
    uint8_t bytes = 0, count = 0;
    std::array<char, kWordBytesMax> word{};
    std::array<int32_t, kIdsMax> ids{};
  };
  static_assert(sizeof(Slot) == 64);

  static size_t index(std::string_view word) {
    return XXH3_64bits(word.data(), word.size()) & (kSlots - 1);
  }

  std::vector<Slot> slots_;
};

}  // namespace tutti
