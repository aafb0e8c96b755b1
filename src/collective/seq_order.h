// Where the positions of a sequence lie when it is cut over ranks. Natural order would give the
// last rank the most keys to attend to under a causal mask; zigzag order cuts the sequence into two
// chunks a rank, of which rank r of n holds chunks r and 2n - 1 - r, and gives all ranks equal work
// (Zhu, "ring-flash-attention", 2024; Dubey et al., "The Llama 3 Herd of Models", 2024,
// section 3.3.2).
//
// A value's storage index counts the elements as they lie, rank after rank; its logical position is
// what masks, rotary embeddings and random numbers go by.
#pragma once

#include <cstdint>
#include <vector>

namespace tutti {

// A run of positions that is contiguous both as it lies and logically.
struct SeqChunk {
  int64_t storage = 0;  // the first index
  int64_t logical = 0;  // the first position
  int64_t size = 0;
  friend bool operator==(const SeqChunk&, const SeqChunk&) = default;
};

// The chunk of storage index `at` from there on, cut off at `end`. Requires at < end <= total, and
// what seq_chunks requires of total and parts.
SeqChunk seq_chunk_at(int64_t total, int64_t parts, int64_t at, int64_t end);

// The chunks of storage indices [begin, begin + size) of a sequence of `total`, in storage order.
// parts = 1 is natural order: one chunk. Requires total to be a multiple of 2 * parts when parts >
// 1, and the range to begin and end within the sequence.
std::vector<SeqChunk> seq_chunks(int64_t total, int64_t parts, int64_t begin, int64_t size);

}  // namespace tutti
