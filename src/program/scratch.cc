#include "program/scratch.h"

#include <algorithm>
#include <numeric>

#include "program/program.h"

namespace tutti {

int64_t assign_scratch(std::vector<ScratchItem>& items) {
  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return items[a].bytes > items[b].bytes; });
  std::vector<const ScratchItem*> placed;  // by offset
  int64_t total = 0;
  for (size_t index : order) {
    ScratchItem& item = items[index];
    item.offset = 0;
    for (const ScratchItem* other : placed) {
      const bool together = other->first <= item.last && item.first <= other->last;
      if (!together) continue;
      if (item.offset + item.bytes <= other->offset) break;
      item.offset = std::max(item.offset, aligned(other->offset + other->bytes));
    }
    const auto at = std::lower_bound(
        placed.begin(), placed.end(), &item,
        [](const ScratchItem* a, const ScratchItem* b) { return a->offset < b->offset; });
    placed.insert(at, &item);
    total = std::max(total, aligned(item.offset + item.bytes));
  }
  return total;
}

}  // namespace tutti
