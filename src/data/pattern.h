// What a splitting step of a pre-tokenizer looks for: a regular expression, a text, or characters
// of some classes. The regular expressions of the models that most others follow are matched by
// code of their own, many times faster than by PCRE2. Immutable; shared by threads, each with a
// Scratch.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "data/regex.h"

namespace tutti {

// GPT-2's pattern, which `ByteLevel` with `use_regex` means.
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// Llama 3's, which is also that of GPT-4.
inline constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";

class Pattern {
 public:
  // A regular expression in tokenizer.json's syntax.
  static Result<Pattern> compile(std::string regex);
  // The text itself; not empty.
  static Pattern literal(std::string text);
  // One character of `classes` (CharacterClass bits).
  static Pattern characters(uint8_t classes);
  // \w+|[^\w\s]+
  static Pattern words();

  struct Scratch {
    std::optional<Regex::Scratch> regex;
  };
  Scratch make_scratch() const;

  // As Regex::next.
  Result<bool> next(std::string_view text, RegexCursor& cursor, Scratch& scratch,
                    TextRange& match) const;

 private:
  enum class Kind { kRegex, kGpt2, kLlama3, kQwen2, kLiteral, kCharacters, kWords };
  explicit Pattern(Kind kind) : kind_(kind) {}
  bool next_literal(std::string_view text, size_t from, TextRange& match) const;
  bool next_characters(std::string_view text, size_t from, TextRange& match) const;

  Kind kind_;
  std::optional<Regex> regex_;
  std::string literal_;
  uint8_t classes_ = 0;
};

}  // namespace tutti
