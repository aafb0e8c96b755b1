// What a set of tokens holds: counts, how long its documents are, which of them are there twice.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "data/token_source.h"

namespace tutti {

struct LengthHistogram {
  int64_t documents = 0;
  int64_t shortest = 0, longest = 0;  // in tokens
  double mean = 0;
  // buckets[i]: documents of 2^i to 2^(i + 1) - 1 tokens; those of none are in the first.
  std::array<int64_t, 48> buckets = {};
};

// Exact repetitions of an earlier document, by a digest of 128 bits of the tokens.
struct Duplicates {
  int64_t documents = 0;
  int64_t tokens = 0;  // of them
};

struct TokenCounts {
  int64_t tokens = 0;
  int32_t token_max = -1;
  double entropy_nats = 0;  // of the distribution of single tokens
};

// Memory grows with the largest id; tokens are read once.
TokenCounts count_tokens(const TokenArray& tokens);

// `document_ends` in tokens, as TokenSource has them.
LengthHistogram document_lengths(std::span<const int64_t> document_ends);

// Holds about `digests_max` digests (24 bytes each) at once: more documents than that are looked at
// in several passes over the tokens.
Duplicates find_duplicates(const TokenArray& tokens, std::span<const int64_t> document_ends,
                           size_t digests_max = size_t{1} << 22);

}  // namespace tutti
