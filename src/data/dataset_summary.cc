#include "data/dataset_summary.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/digest.h"

namespace tutti {
namespace {

constexpr int64_t kReadTokens = 1 << 16;

Digest document_digest(const TokenArray& tokens, int64_t begin, int64_t end,
                       std::vector<int32_t>& buffer) {
  Digester digester;
  while (begin < end) {
    buffer.resize(static_cast<size_t>(std::min(kReadTokens, end - begin)));
    tokens.read(begin, buffer);
    digester.update({reinterpret_cast<const char*>(buffer.data()), 4 * buffer.size()});
    begin += static_cast<int64_t>(buffer.size());
  }
  return digester.digest();
}

struct Seen {
  Digest digest;
  int64_t tokens;
};

void count_repeated(std::vector<Seen>& seen, Duplicates& duplicates) {
  std::sort(seen.begin(), seen.end(), [](const Seen& a, const Seen& b) {
    return a.digest.high != b.digest.high ? a.digest.high < b.digest.high
                                          : a.digest.low < b.digest.low;
  });
  for (size_t i = 1; i < seen.size(); ++i) {
    if (!(seen[i].digest == seen[i - 1].digest)) continue;
    ++duplicates.documents;
    duplicates.tokens += seen[i].tokens;
  }
}

}  // namespace

TokenCounts count_tokens(const TokenArray& tokens) {
  TokenCounts result;
  result.tokens = tokens.size();
  std::vector<int64_t> counts;
  std::vector<int32_t> part;
  for (int64_t begin = 0; begin < tokens.size(); begin += static_cast<int64_t>(part.size())) {
    part.resize(static_cast<size_t>(std::min(kReadTokens, tokens.size() - begin)));
    tokens.read(begin, part);
    for (const int32_t token : part) {
      if (token >= static_cast<int32_t>(counts.size())) counts.resize(token + 1);
      ++counts[token];
    }
  }
  result.token_max = static_cast<int32_t>(counts.size()) - 1;
  for (const int64_t count : counts) {
    const double share = static_cast<double>(count) / static_cast<double>(tokens.size());
    if (count > 0) result.entropy_nats -= share * std::log(share);
  }
  return result;
}

LengthHistogram document_lengths(std::span<const int64_t> document_ends) {
  LengthHistogram histogram;
  histogram.documents = static_cast<int64_t>(document_ends.size());
  if (document_ends.empty()) return histogram;
  histogram.shortest = document_ends.front();
  int64_t begin = 0;
  for (const int64_t end : document_ends) {
    const int64_t length = end - begin;
    histogram.shortest = std::min(histogram.shortest, length);
    histogram.longest = std::max(histogram.longest, length);
    ++histogram.buckets[length <= 1 ? 0 : std::bit_width(static_cast<uint64_t>(length)) - 1];
    begin = end;
  }
  histogram.mean = static_cast<double>(begin) / static_cast<double>(histogram.documents);
  return histogram;
}

Duplicates find_duplicates(const TokenArray& tokens, std::span<const int64_t> document_ends,
                           size_t digests_max) {
  Duplicates duplicates;
  const size_t passes = (document_ends.size() + digests_max - 1) / digests_max;
  std::vector<Seen> seen;
  std::vector<int32_t> buffer;
  for (size_t pass = 0; pass < passes; ++pass) {
    seen.clear();
    int64_t begin = 0;
    for (const int64_t end : document_ends) {
      const Digest digest = document_digest(tokens, begin, end, buffer);
      if (digest.low % passes == pass) seen.push_back({digest, end - begin});
      begin = end;
    }
    count_repeated(seen, duplicates);
  }
  return duplicates;
}

}  // namespace tutti
