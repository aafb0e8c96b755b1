// A pattern (the first line) and a text (the rest): a pattern that compiles finds matches in order,
// or ends in an error; the patterns that are matched by hand find what PCRE2 finds.
#include <cstdint>
#include <string>

#include "base/utf8.h"
#include "data/pattern.h"

namespace {

using tutti::kGpt2Pattern;
using tutti::kLlama3Pattern;
using tutti::kQwen2Pattern;
using tutti::Pattern;
using tutti::Regex;
using tutti::RegexCursor;
using tutti::TextRange;

void search(const std::string& pattern, std::string_view text) {
  const auto compiled = Pattern::compile(pattern);
  if (!compiled.ok()) return;
  Pattern::Scratch scratch = compiled->make_scratch();
  RegexCursor cursor;
  TextRange match;
  size_t done = 0;
  while (true) {
    const auto found = compiled->next(text, cursor, scratch, match);
    if (!found.ok() || !*found) return;
    TUTTI_CHECK(match.begin >= done && match.end >= match.begin && match.end <= text.size());
    done = match.end;
  }
}

void compare(std::string_view pattern, std::string_view text) {
  const auto by_hand = Pattern::compile(std::string(pattern));
  const auto by_pcre2 = Regex::compile(std::string(pattern));
  Pattern::Scratch scratch = by_hand->make_scratch();
  Regex::Scratch pcre2_scratch(*by_pcre2);
  RegexCursor cursor, pcre2_cursor;
  TextRange match, expected;
  while (true) {
    const bool found = *by_hand->next(text, cursor, scratch, match);
    TUTTI_CHECK(found == *by_pcre2->next(text, pcre2_cursor, pcre2_scratch, expected));
    if (!found) return;
    TUTTI_CHECK(match.begin == expected.begin && match.end == expected.end, "at {}", match.begin);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string whole =
      tutti::replace_invalid_utf8({reinterpret_cast<const char*>(data), size});
  TUTTI_CHECK(tutti::is_utf8(whole));
  const size_t line_end = std::min(whole.find('\n'), whole.size());
  search(whole.substr(0, line_end), std::string_view(whole).substr(line_end));
  for (const auto pattern : {kGpt2Pattern, kLlama3Pattern, kQwen2Pattern}) compare(pattern, whole);
  return 0;
}
