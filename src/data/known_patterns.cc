#include "data/known_patterns.h"

#include "data/code_points.h"
#include "data/unicode.h"

namespace tutti {
namespace {

constexpr uint8_t kOtherThan =
    kWhiteSpace | kLetter | kNumber;  // [^\s\p{L}\p{N}] has none of these

struct Character {
  uint32_t code_point = 0;
  uint8_t classes = 0;
  size_t end = 0;  // behind it

  bool is(uint8_t any) const { return classes & any; }
  bool is_other() const { return !(classes & kOtherThan); }
};

class Text {
 public:
  explicit Text(std::string_view text) : text_(text), basic_(basic_character_classes()) {}

  size_t size() const { return text_.size(); }
  char operator[](size_t at) const { return at < text_.size() ? text_[at] : '\0'; }

  // Requires at < size().
  Character read(size_t at) const {
    const auto byte = static_cast<unsigned char>(text_[at]);
    if (byte < 0x80) return {byte, basic_[byte], at + 1};
    Character one;
    one.end = at;
    one.code_point = read_utf8(text_, one.end);
    one.classes =
        one.code_point < 0x10000 ? basic_[one.code_point] : character_classes(one.code_point);
    return one;
  }

  // The end of the run of characters of `classes` that begins at `at`.
  size_t run(size_t at, uint8_t classes) const {
    while (at < size()) {
      const Character one = read(at);
      if (!one.is(classes)) break;
      at = one.end;
    }
    return at;
  }
  size_t run_of_others(size_t at) const {
    while (at < size()) {
      const Character one = read(at);
      if (!one.is_other()) break;
      at = one.end;
    }
    return at;
  }

 private:
  std::string_view text_;
  const uint8_t* basic_;
};

// \s+(?!\S)|\s+ for white space that begins at `at`: all of the run but its last character, which
// stays with what follows; all of it at the end of the text and when it is one character.
size_t white_space_end(const Text& text, const Character& first, size_t run_end, size_t last) {
  if (run_end == text.size() || run_end == first.end) return run_end;
  return last;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// The length of 's, 't, 're, 've, 'm, 'll or 'd at the apostrophe `at`; 0 when none is there.
size_t contraction(const Text& text, size_t at, bool any_case) {
  const char a = any_case ? lower(text[at + 1]) : text[at + 1];
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
  const char b = any_case ? lower(text[at + 2]) : text[at + 2];
  if ((a == 'r' || a == 'v') && b == 'e') return 3;
  if (a == 'l' && b == 'l') return 3;
  // U+017F, the long s, is an s to a pattern that ignores case.
  if (any_case && a == '\xC5' && text[at + 2] == '\xBF') return 3;
  return 0;
}

// A run of white space.
struct Spaces {
  size_t end = 0;          // behind the run
  size_t last = 0;         // the offset of its last character
  size_t newline_end = 0;  // behind its last \r or \n; 0 when it has none
};

Spaces spaces_at(const Text& text, size_t at) {
  Spaces spaces;
  spaces.end = at;
  while (spaces.end < text.size()) {
    const Character one = text.read(spaces.end);
    if (!one.is(kWhiteSpace)) break;
    spaces.last = spaces.end;
    spaces.end = one.end;
    if (one.code_point == '\r' || one.code_point == '\n') spaces.newline_end = one.end;
  }
  return spaces;
}

}  // namespace

size_t gpt2_match_end(std::string_view whole, size_t at) {
  const Text text(whole);
  const Character first = text.read(at);
  if (first.code_point == '\'') {
    if (const size_t length = contraction(text, at, false)) return at + length;
  }
  Character head = first;  // what decides: the character behind a space, else the first
  if (first.code_point == ' ' && first.end < text.size()) head = text.read(first.end);
  if (head.is(kLetter)) return text.run(head.end, kLetter);
  if (head.is(kNumber)) return text.run(head.end, kNumber);
  if (head.is_other()) return text.run_of_others(head.end);
  const Spaces spaces = spaces_at(text, at);
  return white_space_end(text, first, spaces.end, spaces.last);
}

size_t llama3_match_end(std::string_view whole, size_t at, int numbers_max) {
  const Text text(whole);
  const Character first = text.read(at);
  if (first.is(kLetter)) return text.run(first.end, kLetter);
  if (first.code_point == '\'') {
    if (const size_t length = contraction(text, at, true)) return at + length;
  }
  const bool newline = first.code_point == '\r' || first.code_point == '\n';
  Character second;
  if (first.end < text.size()) second = text.read(first.end);
  if (!newline && !first.is(kNumber) && second.is(kLetter)) return text.run(second.end, kLetter);
  if (first.is(kNumber)) {
    size_t end = first.end;
    for (int taken = 1; taken < numbers_max && end < text.size(); ++taken) {
      const Character one = text.read(end);
      if (!one.is(kNumber)) break;
      end = one.end;
    }
    return end;
  }
  const bool space_then_other =
      first.code_point == ' ' && first.end < text.size() && second.is_other();
  if (first.is_other() || space_then_other) {
    size_t end = text.run_of_others(first.is_other() ? first.end : second.end);
    while (text[end] == '\r' || text[end] == '\n') ++end;
    return end;
  }
  const Spaces spaces = spaces_at(text, at);
  if (spaces.newline_end > 0) return spaces.newline_end;
  return white_space_end(text, first, spaces.end, spaces.last);
}

size_t word_match_end(std::string_view whole, size_t at) {
  const Text text(whole);
  Character one = text.read(at);
  const bool word = one.is(kWord);
  while (!one.is(kWhiteSpace) && one.is(kWord) == word) {
    at = one.end;
    if (at == text.size()) break;
    one = text.read(at);
  }
  return at;
}

}  // namespace tutti
