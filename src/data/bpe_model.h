// The third stage of a tokenizer: byte pair encoding of one word (Sennrich et al. 2016,
// arXiv:1508.07909, over bytes as GPT-2 does).
//
// The adjacent pair of lowest rank merges first, the leftmost of equals first, until no pair is in
// the table. Words of n bytes cost O(n log n). Immutable; shared by threads, each with its Scratch.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "data/merge_table.h"

namespace tutti {

class BpeModel {
 public:
  // A token that the vocabulary may leave out: there is no token with this id.
  static constexpr int32_t kNoToken = -1;

  // The bytes of the token of each id; an unused id has no bytes.
  using Vocabulary = std::vector<std::string>;

  // `merges` in order of rank: pairs of token ids. `whole_words`: a word that is itself a token is
  // that token, whatever the merges say (Llama 3). Refuses a vocabulary that lacks a byte, and a
  // merge whose ids are out of range or whose result is not a token.
  static Result<BpeModel> create(Vocabulary vocabulary,
                                 const std::vector<std::pair<int32_t, int32_t>>& merges,
                                 bool whole_words);

  // Buffers that one thread reuses from word to word.
  struct Scratch {
    struct Symbol {
      int32_t id, previous, next;
    };
    struct Candidate {
      uint32_t rank;
      int32_t position, left, right, merged;
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  // Appends the ids of `word`, which may be any bytes of at most 2^31 - 2.
  void encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const;

  // The bytes of a token. Requires 0 <= id < size().
  const std::string& bytes(int32_t id) const { return vocabulary_[id]; }
  int32_t size() const { return static_cast<int32_t>(vocabulary_.size()); }

 private:
  void encode_short(std::string_view word, std::vector<int32_t>& ids) const;
  void encode_long(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const;
  void push_candidate(Scratch& scratch, int32_t left) const;

  Vocabulary vocabulary_;
  std::array<int32_t, 256> byte_ids_{};
  MergeTable merges_;
  bool whole_words_ = false;
  std::unordered_map<std::string, int32_t> word_ids_;  // filled only for whole_words_
};

}  // namespace tutti
