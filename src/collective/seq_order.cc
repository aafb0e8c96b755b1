#include "collective/seq_order.h"

#include <algorithm>

#include "base/status.h"

namespace tutti {

std::vector<SeqChunk> seq_chunks(int64_t total, int64_t parts, int64_t begin, int64_t size) {
  TUTTI_CHECK(begin >= 0 && size >= 0 && begin + size <= total, "[{}, {}) of {} positions", begin,
              begin + size, total);
  if (parts == 1) return {{begin, begin, size}};
  TUTTI_CHECK(parts > 1 && total % (2 * parts) == 0, "{} positions in {} parts", total, parts);
  const int64_t chunk = total / (2 * parts);
  std::vector<SeqChunk> chunks;
  for (int64_t at = begin; at < begin + size;) {
    const int64_t index = at / chunk, part = index / 2, within = at % chunk;
    const int64_t logical = index % 2 == 0 ? part : 2 * parts - 1 - part;
    const int64_t length = std::min(chunk - within, begin + size - at);
    chunks.push_back({at, logical * chunk + within, length});
    at += length;
  }
  return chunks;
}

}  // namespace tutti
