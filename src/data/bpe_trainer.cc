#include "data/bpe_trainer.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <unordered_map>
#include <utility>

#include "data/byte_level.h"

namespace tutti {
namespace {

constexpr size_t kSpecialTokensMax = 65536;
constexpr int32_t kVocabSizeMax = 1 << 24;
constexpr int32_t kProgressEvery = 256;

using PairKey = uint64_t;

PairKey pair_key(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

// Numbers pairs 0, 1, 2, … in the order in which they come, by an open-addressed hash table.
class PairNumbers {
 public:
  uint32_t number(PairKey key) {
    if (2 * keys_.size() >= slots_.size()) grow();
    uint32_t& slot = slots_[place(key)];
    if (slot == kFree) {
      slot = static_cast<uint32_t>(keys_.size());
      keys_.push_back(key);
    }
    return slot;
  }
  PairKey key(uint32_t number) const { return keys_[number]; }

 private:
  static constexpr uint32_t kFree = UINT32_MAX;

  size_t place(PairKey key) const {
    size_t at = ((key ^ key >> 29) * 0x9E3779B97F4A7C15ull) >> 20;
    while (true) {
      at &= slots_.size() - 1;
      if (slots_[at] == kFree || keys_[slots_[at]] == key) return at;
      ++at;
    }
  }
  void grow() {
    slots_.assign(2 * slots_.size(), kFree);
    for (uint32_t i = 0; i < keys_.size(); ++i) slots_[place(keys_[i])] = i;
  }

  std::vector<PairKey> keys_;
  std::vector<uint32_t> slots_ = std::vector<uint32_t>(1 << 16, kFree);
};

// What is known of a pair.
struct PairState {
  int64_t count = 0;
  bool changed = false;         // by the merge under way
  std::vector<uint32_t> words;  // where it is new since it was queued last
};

// A word as symbols, in one array shared by all words: merging shortens it in place.
struct Word {
  uint64_t begin;
  uint32_t length;
  int64_t count;
};

// A pair that may merge, with the count it had when it was queued and the words where it was seen.
struct Candidate {
  PairKey pair;
  int64_t count;
  uint32_t number, words;  // of the pair; index into word_lists_
};

struct MergesLater {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.count != b.count ? a.count < b.count : a.pair > b.pair;
  }
};

class Trainer {
 public:
  Trainer(const BpeTrainerOptions& options) : options_(options) {}

  void add_first_tokens();
  Status add_words(const WordCounts& counts);
  void count_pairs();
  void merge_until_done(const std::function<void(int32_t, int32_t)>& progress);
  TrainedBpe take();

 private:
  int32_t token_id(std::string bytes);
  void merge_pair(const Candidate& candidate);
  void merge_in_word(uint32_t word, int32_t left, int32_t right, int32_t merged);
  void change(int32_t left, int32_t right, uint32_t word, int64_t by);
  void queue_changed();

  const BpeTrainerOptions& options_;
  TrainedBpe result_;
  std::unordered_map<std::string, int32_t> ids_;
  std::array<int32_t, 256> byte_ids_{};
  std::vector<int32_t> symbols_;
  std::vector<Word> words_;
  PairNumbers numbers_;
  std::vector<PairState> pairs_;   // by number
  std::vector<uint32_t> changed_;  // the pairs that the merge under way made more frequent
  std::vector<std::vector<uint32_t>> word_lists_;
  std::priority_queue<Candidate, std::vector<Candidate>, MergesLater> queue_;
};

int32_t Trainer::token_id(std::string bytes) {
  const auto [found, added] = ids_.emplace(std::move(bytes), static_cast<int32_t>(ids_.size()));
  if (added) result_.tokens.push_back(found->first);
  return found->second;
}

void Trainer::add_first_tokens() {
  for (const std::string& token : options_.special_tokens) token_id(token);
  result_.special_count = result_.tokens.size();
  std::array<int, 256> bytes;
  std::iota(bytes.begin(), bytes.end(), 0);
  std::sort(bytes.begin(), bytes.end(), [](int a, int b) {
    return byte_level_code_point(static_cast<unsigned char>(a)) <
           byte_level_code_point(static_cast<unsigned char>(b));
  });
  for (const int byte : bytes) byte_ids_[byte] = token_id(std::string(1, static_cast<char>(byte)));
}

Status Trainer::add_words(const WordCounts& counts) {
  if (counts.size() >= UINT32_MAX) {
    return error(ErrorKind::kResource, "{} different words: at most {} can be trained on",
                 counts.size(), UINT32_MAX);
  }
  words_.reserve(counts.size());
  for (const auto& [bytes, count] : counts) {
    if (bytes.size() >= UINT32_MAX) {
      return error(ErrorKind::kResource, "a word of {} bytes cannot be trained on", bytes.size());
    }
    words_.push_back({symbols_.size(), static_cast<uint32_t>(bytes.size()), count});
    for (const char byte : bytes) symbols_.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
  }
  return Status();
}

void Trainer::change(int32_t left, int32_t right, uint32_t word, int64_t by) {
  const uint32_t number = numbers_.number(pair_key(left, right));
  if (number == pairs_.size()) pairs_.emplace_back();
  PairState& pair = pairs_[number];
  pair.count += by * words_[word].count;
  if (by < 0) return;
  // Words come one after the other.
  if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(word);
  if (!std::exchange(pair.changed, true)) changed_.push_back(number);
}

void Trainer::count_pairs() {
  for (uint32_t word = 0; word < words_.size(); ++word) {
    const int32_t* symbol = &symbols_[words_[word].begin];
    for (uint32_t i = 0; i + 1 < words_[word].length; ++i) {
      change(symbol[i], symbol[i + 1], word, 1);
    }
  }
  queue_changed();
}

void Trainer::queue_changed() {
  for (const uint32_t number : changed_) {
    PairState& pair = pairs_[number];
    pair.changed = false;
    std::vector<uint32_t> words = std::exchange(pair.words, {});
    if (pair.count <= 0) continue;
    queue_.push(
        {numbers_.key(number), pair.count, number, static_cast<uint32_t>(word_lists_.size())});
    word_lists_.push_back(std::move(words));
  }
  changed_.clear();
}

void Trainer::merge_in_word(uint32_t word, int32_t left, int32_t right, int32_t merged) {
  Word& place = words_[word];
  int32_t* symbol = &symbols_[place.begin];
  uint32_t out = 0;
  for (uint32_t in = 0; in < place.length; ++in) {
    if (symbol[in] != left || in + 1 >= place.length || symbol[in + 1] != right) {
      symbol[out++] = symbol[in];
      continue;
    }
    // symbol[out - 1] is the neighbour before, merged already where it was part of the pair too.
    if (out > 0) {
      change(symbol[out - 1], left, word, -1);
      change(symbol[out - 1], merged, word, 1);
    }
    if (in + 2 < place.length) {
      change(right, symbol[in + 2], word, -1);
      change(merged, symbol[in + 2], word, 1);
    }
    symbol[out++] = merged;
    ++in;
  }
  place.length = out;
}

void Trainer::merge_pair(const Candidate& candidate) {
  const auto left = static_cast<int32_t>(candidate.pair >> 32);
  const auto right = static_cast<int32_t>(candidate.pair & 0xFFFFFFFFu);
  const int32_t merged = token_id(result_.tokens[left] + result_.tokens[right]);
  result_.merges.emplace_back(left, right);
  const std::vector<uint32_t> words = std::move(word_lists_[candidate.words]);
  for (const uint32_t word : words) merge_in_word(word, left, right, merged);
  queue_changed();
}

void Trainer::merge_until_done(const std::function<void(int32_t, int32_t)>& progress) {
  while (static_cast<int32_t>(result_.tokens.size()) < options_.vocab_size && !queue_.empty()) {
    Candidate top = queue_.top();
    queue_.pop();
    const int64_t count = pairs_[top.number].count;
    if (top.count != count) {  // merges since then took some of it away
      top.count = count;
      if (count > 0) queue_.push(top);
      continue;
    }
    if (top.count < std::max<int64_t>(options_.count_min, 1)) break;
    merge_pair(top);
    const auto made = static_cast<int32_t>(result_.tokens.size());
    if (progress && made % kProgressEvery == 0) progress(made, options_.vocab_size);
  }
}

TrainedBpe Trainer::take() {
  // A pair can be merged twice when two ways of merging spell one token; its last rank counts.
  std::unordered_map<PairKey, size_t> last;
  for (size_t i = 0; i < result_.merges.size(); ++i) {
    last[pair_key(result_.merges[i].first, result_.merges[i].second)] = i;
  }
  std::vector<std::pair<int32_t, int32_t>> merges;
  for (size_t i = 0; i < result_.merges.size(); ++i) {
    const auto [left, right] = result_.merges[i];
    if (last[pair_key(left, right)] == i) merges.emplace_back(left, right);
  }
  result_.merges = std::move(merges);
  return std::move(result_);
}

}  // namespace

Status check_options(const BpeTrainerOptions& options) {
  if (options.special_tokens.size() > kSpecialTokensMax) {
    return invalid("{} special tokens: at most {} are allowed", options.special_tokens.size(),
                   kSpecialTokensMax);
  }
  for (const std::string& token : options.special_tokens) {
    if (token.size() < 2) return invalid("special token '{}': need at least two bytes", token);
    if (std::count(options.special_tokens.begin(), options.special_tokens.end(), token) > 1) {
      return invalid("special token '{}' is given twice", token);
    }
  }
  const auto least = static_cast<int32_t>(256 + options.special_tokens.size());
  if (options.vocab_size < least || options.vocab_size > kVocabSizeMax) {
    return invalid("a vocabulary of {} tokens: need {} (256 bytes and {} special tokens) to {}",
                   options.vocab_size, least, options.special_tokens.size(), kVocabSizeMax);
  }
  return Status();
}

Result<TrainedBpe> train_bpe(const WordCounts& words, const BpeTrainerOptions& options,
                             const std::function<void(int32_t, int32_t)>& progress) {
  TUTTI_TRY(check_options(options));
  Trainer trainer(options);
  trainer.add_first_tokens();
  TUTTI_TRY(trainer.add_words(words));
  trainer.count_pairs();
  trainer.merge_until_done(progress);
  return trainer.take();
}

}  // namespace tutti
