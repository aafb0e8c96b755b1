// Ids by code point: a table of pages, of which only those that hold an id take memory. Immutable
// after the inserts; then thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace tutti {

class CharacterIds {
 public:
  static constexpr int32_t kNone = -1;

  CharacterIds() : pages_(0x1100, 0), ids_(kPage, kNone) {}

  // Requires a code point of at most U+10FFFF and an id that is not negative.
  void insert(uint32_t code_point, int32_t id) {
    uint32_t& page = pages_[code_point / kPage];
    if (page == 0) {  // page 0 is the empty one
      page = static_cast<uint32_t>(ids_.size() / kPage);
      ids_.resize(ids_.size() + kPage, kNone);
    }
    ids_[page * kPage + code_point % kPage] = id;
  }

  // The id, or kNone.
  int32_t find(uint32_t code_point) const {
    return ids_[pages_[code_point / kPage] * kPage + code_point % kPage];
  }

 private:
  static constexpr uint32_t kPage = 256;
  std::vector<uint32_t> pages_;
  std::vector<int32_t> ids_;
};

}  // namespace tutti
