// How sentencepiece rewrites a text before it looks for pieces: characters by the rules of the
// model file, then spaces to kSpaceMark. Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/added_tokens.h"

namespace tutti {

inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

struct PieceNormalizerOptions {
  bool add_prefix = true;           // a space before the text
  bool remove_extra_spaces = true;  // those at both ends, and all but one of a run
  // What rules may make of a text, so that those of a few bytes cannot fill the memory.
  size_t text_bytes_max = size_t{1} << 30;
};

class PieceNormalizer {
 public:
  // `rules`: the file's precompiled_charsmap; empty for none. They are the size of a double-array
  // trie (darts-clone), the trie, and the texts that it leads to. Refuses rules that lead outside,
  // or to what is no text in UTF-8. `defined`: the user-defined pieces, which no rule changes.
  static Result<PieceNormalizer> create(std::string_view rules, AddedTokens defined,
                                        const PieceNormalizerOptions& options);

  // `text` is valid UTF-8, and so is the result. `continues`: the text goes on one that begins
  // elsewhere, so its own beginning is like any other place. An error when the rules make too much
  // of it.
  Result<std::string> normalize(std::string_view text, bool continues = false) const;

 private:
  struct Prefix {
    std::string_view replacement;
    size_t bytes;  // of the text that it replaces
  };
  Prefix prefix(std::string_view text) const;
  // The same by the rules alone; of 0 bytes when there is none.
  Prefix rule(std::string_view text) const;

  PieceNormalizerOptions options_;
  AddedTokens defined_;
  std::vector<uint32_t> trie_;  // empty when there are no rules
  std::string texts_;           // UTF-8; each ends with a NUL
};

}  // namespace tutti
