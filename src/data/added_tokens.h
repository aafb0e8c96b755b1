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
  bool special = false;      // a control token, which text from outside must not be able to forge
  bool normalized = false;   // looked for in the normalized text
  bool single_word = false;  // not within a word
  bool left_strip = false, right_strip = false;  // takes the white space beside it along
};

class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  struct Match {
    TextRange range;  // with the white space taken along
    int32_t id = 0;
  };
  // How far a text has been searched.
  struct Cursor {
    size_t from = 0;  // where the search goes on
    size_t done = 0;  // the end of the match before
  };
  // The next token in `text` (valid UTF-8), the longest of those that start there. `cursor` starts
  // as {} for each text. Without `special`, control tokens are plain text: they are passed over.
  std::optional<Match> next(std::string_view text, Cursor& cursor, bool special) const;

  // The length of the longest token that `text` (not empty) begins with; 0 when none does.
  size_t prefix_bytes(std::string_view text) const;

  bool empty() const { return tokens_.empty(); }

 private:
  struct Bucket {
    std::string prefix;             // what all of them begin with
    std::vector<uint32_t> indices;  // into tokens_, longest first
  };
  const AddedToken* token_at(std::string_view text, size_t at) const;

  std::vector<AddedToken> tokens_;  // longest first
  std::array<Bucket, 256> by_first_byte_;
  std::array<bool, 256> begins_one_{};
};

}  // namespace tutti
