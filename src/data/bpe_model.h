// The third stage of a tokenizer: byte pair encoding of one word (Sennrich et al. 2016,
// arXiv:1508.07909), over bytes as GPT-2 does or over characters as sentencepiece does.
//
// The adjacent pair of lowest rank merges first, the leftmost of equals first, until no pair is in
// the table. Words of n bytes cost O(n log n). Immutable; shared by threads, each with its Scratch.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "data/character_ids.h"
#include "data/merge_table.h"

namespace tutti {

// What a word is made of before the first merge, and what becomes of what is not in the vocabulary.
struct BpeOptions {
  bool characters = false;     // else bytes
  bool whole_words = false;    // a word that is a token is that token, whatever the merges say
  bool byte_fallback = false;  // an unknown character is its bytes' tokens, <0x00> to <0xFF>
  bool fuse_unknown = false;   // unknown characters next to each other are one `unknown`
  std::optional<int32_t> unknown = std::nullopt;  // the token of unknown characters
};

class BpeModel {
 public:
  // A token that the vocabulary may leave out: there is no token with this id.
  static constexpr int32_t kNoToken = -1;

  // The text of the token of each id (over bytes: its bytes); an unused id has none.
  using Vocabulary = std::vector<std::string>;

  struct Merge {
    int32_t left, right;
    uint32_t rank;
  };

  // Refuses a byte-level vocabulary that lacks a byte and has no token for unknown ones, and a
  // merge whose ids are out of range or whose result is not a token.
  static Result<BpeModel> create(Vocabulary vocabulary, const std::vector<Merge>& merges,
                                 const BpeOptions& options);

  // Buffers that one thread reuses from word to word.
  struct Scratch {
    struct Symbol {
      int32_t id, previous, next;
    };
    struct Candidate {
      uint32_t rank;
      int32_t position, left, right, merged;
    };
    std::vector<int32_t> first;  // the symbols before the first merge
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  // Appends the ids of `word`: valid UTF-8, or over bytes any bytes, of at most 2^31 - 2 bytes. A
  // character that is not in the vocabulary is an error when there is no token for unknown ones.
  Status encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const;

  // The length of a first part of `word` (not empty) that can be encoded on its own, because no
  // token has the two characters around the cut side by side; the whole word when there is none.
  size_t independent_prefix(std::string_view word) const;

  // The text of a token. Requires 0 <= id < size().
  const std::string& text(int32_t id) const { return vocabulary_[id]; }
  int32_t size() const { return static_cast<int32_t>(vocabulary_.size()); }

 private:
  Status set_first_symbols(const std::unordered_map<std::string, int32_t>& ids);
  Status add_merges(const std::vector<Merge>& merges,
                    const std::unordered_map<std::string, int32_t>& ids);
  void find_cuts(const std::vector<Merge>& merges);
  // Whether two characters side by side become one unknown token.
  bool fuse(uint32_t left, uint32_t right) const;
  Status first_symbols(std::string_view word, std::vector<int32_t>& symbols) const;
  void merge_short(const std::vector<int32_t>& first, std::vector<int32_t>& ids) const;
  void merge_long(Scratch& scratch, std::vector<int32_t>& ids) const;
  void push_candidate(Scratch& scratch, int32_t left) const;

  BpeOptions options_;
  Vocabulary vocabulary_;
  std::array<int32_t, 256> byte_ids_{};  // over bytes: their tokens; over characters: <0x00> …
  CharacterIds character_ids_;
  MergeTable merges_;
  std::unordered_map<std::string, int32_t> word_ids_;  // filled only for whole_words
  // Over characters: which pairs of characters some token has side by side, by hash; empty when
  // words cannot be cut.
  std::vector<uint64_t> joined_;
};

}  // namespace tutti
