#include "data/pattern.h"

#include "data/code_points.h"
#include "data/known_patterns.h"
#include "data/unicode.h"

namespace tutti {

Result<Pattern> Pattern::compile(std::string regex) {
  if (regex == kGpt2Pattern) return Pattern(Kind::kGpt2);
  if (regex == kLlama3Pattern) return Pattern(Kind::kLlama3);
  if (regex == kQwen2Pattern) return Pattern(Kind::kQwen2);
  Pattern pattern(Kind::kRegex);
  TUTTI_ASSIGN(pattern.regex_, Regex::compile(std::move(regex)));
  return pattern;
}

Pattern Pattern::literal(std::string text) {
  TUTTI_CHECK(!text.empty(), "an empty text matches everywhere");
  Pattern pattern(Kind::kLiteral);
  pattern.literal_ = std::move(text);
  return pattern;
}

Pattern Pattern::characters(uint8_t classes) {
  Pattern pattern(Kind::kCharacters);
  pattern.classes_ = classes;
  return pattern;
}

Pattern Pattern::words() { return Pattern(Kind::kWords); }

Pattern::Scratch Pattern::make_scratch() const {
  Scratch scratch;
  if (regex_) scratch.regex.emplace(*regex_);
  return scratch;
}

Result<bool> Pattern::next(std::string_view text, RegexCursor& cursor, Scratch& scratch,
                           TextRange& match) const {
  if (kind_ == Kind::kRegex) return regex_->next(text, cursor, *scratch.regex, match);
  const size_t from = cursor.from;
  if (from >= text.size()) return false;
  bool found = true;
  switch (kind_) {
    case Kind::kGpt2:
      match = {from, gpt2_match_end(text, from)};
      break;
    case Kind::kLlama3:
      match = {from, llama3_match_end(text, from, 3)};
      break;
    case Kind::kQwen2:
      match = {from, llama3_match_end(text, from, 1)};
      break;
    case Kind::kLiteral:
      found = next_literal(text, from, match);
      break;
    default:
      found = next_characters(text, from, match);
  }
  cursor.from = found ? match.end : text.size();
  return found;
}

bool Pattern::next_literal(std::string_view text, size_t from, TextRange& match) const {
  const size_t at = text.find(literal_, from);
  if (at == std::string_view::npos) return false;
  match = {at, at + literal_.size()};
  return true;
}

bool Pattern::next_characters(std::string_view text, size_t from, TextRange& match) const {
  while (from < text.size()) {
    size_t end = from;
    if (kind_ == Kind::kWords) {
      end = word_match_end(text, from);
      if (end > from) {
        match = {from, end};
        return true;
      }
    }
    if (classes_of(read_utf8(text, end)) & classes_) {
      match = {from, end};
      return true;
    }
    from = end;
  }
  return false;
}

}  // namespace tutti
