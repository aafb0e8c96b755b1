// Offsets for storages that live for a range of instructions: those that live at the same time do
// not overlap. Largest first, each at the lowest offset that is free for its whole life.
#pragma once

#include <cstdint>
#include <vector>

namespace tutti {

struct ScratchItem {
  int first = 0;  // instruction indices, inclusive
  int last = 0;
  int64_t bytes = 0;
  int64_t offset = 0;  // the result, a multiple of kBufferAlignment
};

// Sets the offsets; the result is the size of the region.
int64_t assign_scratch(std::vector<ScratchItem>& items);

}  // namespace tutti
