#include "data/regex_syntax.h"

#include <array>
#include <span>

#include "data/unicode_age.h"

namespace tutti {
namespace {

// White_Space of Unicode. PCRE2's own \s also takes U+180E, which left the property in 2013.
constexpr std::string_view kSpaces =
    R"(\t-\r\x20\x85\xA0\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
// Alphabetic, marks, decimal digits, connectors (UTS #18, annex C), and of Latin-1 the other
// numbers, by a quirk of Oniguruma's; PCRE2's own \w has no marks.
constexpr std::string_view kWordCharacters =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169})"
    R"(\x{1F170}-\x{1F189}\xB2\xB3\xB9\xBC-\xBE)";

// A class of characters that is written as an escape.
struct Escape {
  std::string_view spelling, inverse;  // \s, \S
  std::string members;                 // the inside of a class
};

std::string members_of(std::span<const CodePointRange> ranges) {
  std::string out;
  for (const CodePointRange& range : ranges) {
    out += fmt::format("\\x{{{:X}}}-\\x{{{:X}}}", range.first, range.last);
  }
  return out;
}

// \p{L} and the like, with the characters that are newer than PCRE2's tables.
Escape category(std::string_view in, std::string_view out, std::span<const CodePointRange> newer) {
  return {in, out, std::string(in) + members_of(newer)};
}

const std::array<Escape, 10>& escapes() {
  static const std::array<Escape, 10> all = {{
      {"\\s", "\\S", std::string(kSpaces)},
      {"\\w", "\\W",
       std::string(kWordCharacters) + members_of(kNewLetters) + members_of(kNewMarks) +
           members_of(kNewDigits)},
      {"\\h", "\\H", "0-9A-Fa-f"},
      category("\\p{L}", "\\P{L}", kNewLetters),
      category("\\p{Lu}", "\\P{Lu}", kNewUpperLetters),
      category("\\p{Ll}", "\\P{Ll}", kNewLowerLetters),
      category("\\p{Lm}", "\\P{Lm}", kNewModifierLetters),
      category("\\p{Lo}", "\\P{Lo}", kNewOtherLetters),
      category("\\p{M}", "\\P{M}", kNewMarks),
      category("\\p{N}", "\\P{N}", kNewNumbers),
  }};
  return all;
}

bool is_hexadecimal(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  Result<std::string> run() {
    while (at_ < pattern_.size()) {
      if (pattern_[at_] == '\\') {
        TUTTI_TRY(escape());
      } else if (in_class_) {
        TUTTI_TRY(in_class());
      } else {
        TUTTI_TRY(outside());
      }
    }
    return std::move(out_);
  }

 private:
  Error unsupported(std::string_view what) const {
    return invalid("regular expression '{}': {} at offset {} is not supported", pattern_, what,
                   at_);
  }
  bool begins(std::string_view prefix) const { return pattern_.substr(at_).starts_with(prefix); }
  void take(size_t count) {
    out_ += pattern_.substr(at_, count);
    at_ += count;
  }

  Status escape() {
    for (const Escape& one : escapes()) {
      if (begins(one.spelling)) {
        out_ += in_class_ ? one.members : fmt::format("[{}]", one.members);
        at_ += one.spelling.size();
        return Status();
      }
      if (begins(one.inverse)) {
        // PCRE2 would invert by tables of its own.
        if (in_class_) return unsupported(fmt::format("{} within a class", one.inverse));
        out_ += fmt::format("[^{}]", one.members);
        at_ += one.inverse.size();
        return Status();
      }
    }
    const std::string word = fmt::format("[{}]", escapes()[1].members);
    if (begins("\\b") && !in_class_) {
      out_ += fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", word);
      at_ += 2;
    } else if (begins("\\B") && !in_class_) {
      out_ += fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", word);
      at_ += 2;
    } else if (begins("\\u") && at_ + 6 <= pattern_.size() &&
               is_hexadecimal(pattern_.substr(at_ + 2, 4))) {
      out_ += fmt::format("\\x{{{}}}", pattern_.substr(at_ + 2, 4));
      at_ += 6;
    } else {
      take(escape_bytes());
    }
    return Status();
  }

  // Of an escape that stays as it is: with what is in braces behind \p, \P and \x.
  size_t escape_bytes() const {
    const bool braces = begins("\\p{") || begins("\\P{") || begins("\\x{");
    const size_t close = pattern_.find('}', at_);
    return braces && close != std::string_view::npos ? close + 1 - at_ : 2;
  }

  // (?i), (?i-x:…) and the like: m is for the dot what s is in PCRE2, and s is unknown.
  Status check_options() const {
    const size_t end = pattern_.find_first_not_of("abcdefghijklmnopqrstuvwxyzADUW-", at_ + 2);
    if (end == std::string_view::npos || (pattern_[end] != ':' && pattern_[end] != ')')) return {};
    const std::string_view options = pattern_.substr(at_ + 2, end - at_ - 2);
    if (options.find_first_not_of("ix-") == std::string_view::npos) return {};
    return unsupported(fmt::format("the option group (?{})", options));
  }

  Status in_class() {
    if (begins("[:")) {
      const size_t close = pattern_.find(":]", at_);
      if (close != std::string_view::npos) {  // a POSIX class, whose ] does not end the class
        take(close + 2 - at_);
        return Status();
      }
    }
    if (begins("[")) return unsupported("a class within a class");
    if (begins("&&")) return unsupported("&&");
    if (begins("]")) in_class_ = false;
    take(1);
    return Status();
  }

  Status outside() {
    if (begins("}+")) return unsupported("a + behind an interval");
    if (begins("(?")) TUTTI_TRY(check_options());
    if (begins("[")) {
      in_class_ = true;
      take(begins("[^") ? 2 : 1);
      if (begins("]")) take(1);  // the first character of a class is no end
    } else {
      take(1);
    }
    return Status();
  }

  std::string_view pattern_;
  size_t at_ = 0;
  bool in_class_ = false;
  std::string out_;
};

}  // namespace

Result<std::string> to_pcre2(std::string_view pattern) { return Translator(pattern).run(); }

}  // namespace tutti
