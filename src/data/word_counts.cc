#include "data/word_counts.h"

#include <xxhash.h>

#include <algorithm>

#include "data/worker_loop.h"

namespace tutti {

size_t TextHash::operator()(std::string_view text) const {
  return XXH3_64bits(text.data(), text.size());
}

WordCounter::WordCounter(const PreTokenizer& pre_tokenizer, int threads)
    : pre_tokenizer_(pre_tokenizer), counts_(std::max(threads, 1)) {
  for (size_t i = 0; i < counts_.size(); ++i) scratch_.push_back(pre_tokenizer.make_scratch());
}

Status WordCounter::add(std::span<const std::string_view> texts) {
  std::vector<Status> failures(texts.size());
  run_workers(texts.size(), static_cast<int>(counts_.size()), [&](int thread, size_t i) {
    WordCounts& counts = counts_[thread];
    failures[i] = pre_tokenizer_.split(texts[i], TextPlace::kBegins, scratch_[thread],
                                       [&counts](std::string_view word) {
                                         const auto found = counts.find(word);
                                         if (found != counts.end()) {
                                           ++found->second;
                                         } else {
                                           counts.emplace(word, 1);
                                         }
                                         return Status();
                                       });
  });
  for (const Status& failure : failures) TUTTI_TRY(failure);
  return Status();
}

WordCounts WordCounter::take() {
  WordCounts total = std::move(counts_.front());
  for (size_t i = 1; i < counts_.size(); ++i) {
    for (const auto& [word, count] : counts_[i]) total[word] += count;
    counts_[i].clear();
  }
  return total;
}

}  // namespace tutti
