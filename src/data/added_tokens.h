// Tokens that are found in the text before any other stage runs, such as `<|endoftext|>`.
// Immutable after building; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/regex.h"

namespace tutti {

struct AddedToken {
  std::string content;  // not empty
  int32_t id = 0;
  bool special = false;  // a control token, which text from outside must not be able to forge
};

class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  struct Match {
    TextRange range;
    int32_t id = 0;
  };
  // The first token in `text` at or after `from`, the longest of those that start there. Without
  // `special`, control tokens are plain text.
  std::optional<Match> find(std::string_view text, size_t from, bool special) const;

  const std::vector<AddedToken>& tokens() const { return tokens_; }
  // The id of the token spelled `content`.
  std::optional<int32_t> id_of(std::string_view content) const;

 private:
  std::vector<AddedToken> tokens_;                        // longest first
  std::array<std::vector<uint32_t>, 256> by_first_byte_;  // indices into tokens_, longest first
  bool any_ordinary_ = false;
};

}  // namespace tutti
