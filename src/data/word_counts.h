// How often each word of a corpus occurs; what a BPE trainer learns from.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "data/pre_tokenizer.h"

namespace tutti {

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const;
};

using WordCounts = std::unordered_map<std::string, int64_t, TextHash, std::equal_to<>>;

// Counts words of texts that arrive in batches, on several threads. One thread calls it.
class WordCounter {
 public:
  // `pre_tokenizer` must outlive this object.
  WordCounter(const PreTokenizer& pre_tokenizer, int threads);

  // Counts the words of `texts` (valid UTF-8). The error is that of the first text that has one.
  Status add(std::span<const std::string_view> texts);

  // The sums over all threads; call once, at the end.
  WordCounts take();

 private:
  const PreTokenizer& pre_tokenizer_;
  std::vector<WordCounts> counts_;  // one a thread
  std::vector<PreTokenizer::Scratch> scratch_;
};

}  // namespace tutti
