// The merges of a BPE model as an open-addressed hash table: one probe sequence of 16-byte slots
// decides whether two neighbours merge. Immutable after the inserts; then thread-safe.
#pragma once

#include <cstdint>
#include <vector>

namespace tutti {

struct MergeEntry {
  int32_t left = -1, right = -1;
  uint32_t rank = UINT32_MAX;
  int32_t merged = -1;
};

class MergeTable {
 public:
  explicit MergeTable(size_t merges = 0) {
    size_t slots = 16;
    while (slots < 2 * merges) slots *= 2;
    slots_.resize(slots);
  }

  // A pair that is already there takes the new rank, as in Hugging Face's reading of the list.
  void insert(const MergeEntry& entry) { slots_[slot(entry.left, entry.right)] = entry; }

  // Nullptr when the pair does not merge; else valid as long as the table.
  const MergeEntry* find(int32_t left, int32_t right) const {
    const MergeEntry& entry = slots_[slot(left, right)];
    return entry.left < 0 ? nullptr : &entry;
  }

 private:
  // The slot that holds the pair or, where it is not in the table, the free one in its place.
  size_t slot(int32_t left, int32_t right) const {
    const uint64_t key = uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
    size_t at = (key * 0x9E3779B97F4A7C15ull) >> 32;
    for (;; ++at) {
      at &= slots_.size() - 1;
      const MergeEntry& entry = slots_[at];
      if (entry.left < 0 || (entry.left == left && entry.right == right)) return at;
    }
  }

  std::vector<MergeEntry> slots_;  // a power of two, at most half full
};

}  // namespace tutti
