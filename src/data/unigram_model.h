// Unigram segmentation (Kudo 2018, arXiv:1804.10959): the pieces of greatest total score, found by
// dynamic programming over the text. Scores add up in single precision, as sentencepiece adds them;
// near ties some ten thousand tokens into a text can fall otherwise than there. Immutable; shared
// by threads, each with its Scratch.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tutti {

class UnigramModel {
 public:
  struct Piece {
    std::string_view text;  // not empty; no two alike
    float score;
    int32_t id;
    bool defined = false;  // by the user: preferred to what it is made of, whatever its score
  };
  struct Options {
    int32_t unknown = 0;  // of characters that no piece spells; side by side they are one
    bool byte_fallback = false;
    std::array<int32_t, 256> byte_ids{};  // for byte_fallback, which takes the place of `unknown`
  };

  UnigramModel() = default;
  UnigramModel(std::vector<Piece> pieces, const Options& options);

  struct Scratch {
    struct End {  // of the best path to a place
      float score;
      int32_t id, begin;  // of its last piece; begin -1: no path yet
    };
    std::vector<End> ends;
    std::vector<int32_t> ids;
  };

  // Appends the ids of `text` (valid UTF-8, normalized). Costs O(n) for pieces of bounded length.
  void encode(std::string_view text, Scratch& scratch, std::vector<int32_t>& ids) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kFew = 8;

  // Children lie side by side, sorted by label; those of a node with many are also in a table.
  struct Node {
    uint32_t first_child = 0;
    uint32_t table = kNone;  // index into tables_
    int32_t id = -1;         // of the piece that ends here
    float score = 0;
    uint16_t children = 0;
    unsigned char label = 0;
  };
  void add_children(uint32_t node, const std::vector<Piece>& pieces, size_t begin, size_t end,
                    size_t depth, std::vector<std::array<size_t, 4>>& open);
  uint32_t child(const Node& node, unsigned char label) const;
  // Extends the best paths that reach `begin` by each piece that starts there.
  void extend(std::string_view text, size_t base, size_t begin, size_t& reach,
              Scratch& scratch) const;
  void flush(std::string_view text, size_t base, size_t end, Scratch& scratch, bool& after_unknown,
             std::vector<int32_t>& ids) const;

  Options options_;
  float unknown_score_ = 0;
  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::vector<std::array<uint32_t, 256>> tables_;
};

}  // namespace tutti
