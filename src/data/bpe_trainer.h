// Learns a byte-level BPE vocabulary from word counts: the pair of symbols that occurs most often
// becomes a token, again and again (Sennrich et al. 2016, arXiv:1508.07909).
//
// The result is that of Hugging Face tokenizers' BpeTrainer for the same words: the highest count
// first, of equal counts the smaller pair of ids; ids are the special tokens, then the 256 bytes in
// the order of their spelling, then the merges. It depends on nothing else, so neither on the
// number of threads that counted nor on the order of the words.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "data/word_counts.h"

namespace tutti {

struct BpeTrainerOptions {
  int32_t vocab_size = 8192;  // special tokens and bytes included
  std::vector<std::string> special_tokens = {"<|endoftext|>"};
  int64_t count_min = 2;  // a pair seen less often is not merged
};

struct TrainedBpe {
  std::vector<std::string> tokens;                  // bytes by id; special tokens first
  size_t special_count = 0;                         // how many of them are special
  std::vector<std::pair<int32_t, int32_t>> merges;  // by rank
};

// What is wrong with `options`, as train_bpe would say.
Status check_options(const BpeTrainerOptions& options);

// `progress` (may be empty) is called now and then with the tokens made so far and those wanted.
// Ends early, with fewer tokens than asked for, when no pair is left that is frequent enough.
Result<TrainedBpe> train_bpe(const WordCounts& words, const BpeTrainerOptions& options,
                             const std::function<void(int32_t, int32_t)>& progress = {});

}  // namespace tutti
