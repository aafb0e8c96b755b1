#include "collective/seq_order.h"

#include <algorithm>

#include "base/status.h"

namespace tutti {

SeqChunk seq_chunk_at(int64_t total, int64_t parts, int64_t at, int64_t end) {
  TUTTI_CHECK(at >= 0 && at < end && end <= total, "[{}, {}) of {} positions", at, end, total);
  if (parts == 1) return {at, at, end - at};
  TUTTI_CHECK(parts > 1 && total % (2 * parts) == 0, "{} positions in {} parts", total, parts);
  const int64_t chunk = total / (2 * parts);
  const int64_t index = at / chunk, part = index / 2, within = at % chunk;
  const int64_t logical = index % 2 == 0 ? part : 2 * parts - 1 - part;
  return {at, logical * chunk + within, std::min(chunk - within, end - at)};
}

std::vector<SeqChunk> seq_chunks(int64_t total, int64_t parts, int64_t begin, int64_t size) {
  std::vector<SeqChunk> chunks;
  for (int64_t at = begin; at < begin + size; at += chunks.back().size) {
    chunks.push_back(seq_chunk_at(total, parts, at, begin + size));
  }
  return chunks;
}

}  // namespace tutti
