// How sentencepiece rewrites a text before it looks for pieces: characters by the rules of the
// model file, then spaces to U+2581. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/added_tokens.h"

namespace tutti {

struct PieceNormalizerOptions {
  bool add_prefix = true;           // a space before the text
  bool remove_extra_spaces = true;  // those at both ends, and all but one of a run
};

class PieceNormalizer {
 public:
  // `rules`: the file's precompiled_charsmap; empty for none. They are the size of a double-array
  // trie (darts-clone), the trie, and the texts that it leads to. Refuses rules that lead outside.
  // `defined`: the user-defined pieces, which no rule changes.
  static Result<PieceNormalizer> create(std::string_view rules, AddedTokens defined,
                                        const PieceNormalizerOptions& options);

  std::string normalize(std::string_view text) const;

 private:
  struct Prefix {
    std::string_view replacement;
    size_t bytes;  // of the text that it replaces
  };
  Prefix prefix(std::string_view text) const;

  PieceNormalizerOptions options_;
  AddedTokens defined_;
  std::vector<uint32_t> trie_;  // empty when there are no rules
  std::string texts_;           // each ends with a NUL
};

}  // namespace tutti
