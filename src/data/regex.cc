#include "data/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>

#include "data/code_points.h"
#include "data/regex_syntax.h"

namespace tutti {
namespace {

constexpr uint32_t kMatchSteps = 50'000'000;
constexpr uint32_t kHeapKib = 256 * 1024;
constexpr size_t kJitStackStart = 64 * 1024;
constexpr size_t kJitStackMax = 64 * 1024 * 1024;
constexpr size_t kPatternBytesMax = 64 * 1024;

// Oniguruma's ^ and $ match at every line.
constexpr uint32_t kOptions = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;

std::string pcre2_message(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

void Regex::Free::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }
void Regex::Scratch::Free::operator()(pcre2_real_match_data_8* data) const {
  pcre2_match_data_free(data);
}
void Regex::Scratch::Free::operator()(pcre2_real_match_context_8* context) const {
  pcre2_match_context_free(context);
}
void Regex::Scratch::Free::operator()(pcre2_real_jit_stack_8* stack) const {
  pcre2_jit_stack_free(stack);
}

Regex::Scratch::Scratch(const Regex& regex)
    : stack_(pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr)),
      context_(pcre2_match_context_create(nullptr)),
      data_(pcre2_match_data_create_from_pattern(regex.code_.get(), nullptr)) {
  TUTTI_CHECK(context_ && data_, "out of memory");
  pcre2_set_match_limit(context_.get(), kMatchSteps);
  pcre2_set_heap_limit(context_.get(), kHeapKib);
  if (stack_) pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
}

Result<Regex> Regex::compile(std::string pattern) {
  if (pattern.size() > kPatternBytesMax) {
    return invalid("regular expression of {} bytes: at most {} are allowed", pattern.size(),
                   kPatternBytesMax);
  }
  TUTTI_ASSIGN(const std::string spelled, to_pcre2(pattern));
  int code = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(spelled.data()), spelled.size(),
                                       kOptions, &code, &offset, nullptr);
  if (compiled == nullptr) {
    return invalid("regular expression '{}', as PCRE2 spells it '{}': {} at offset {}", pattern,
                   spelled, pcre2_message(code), offset);
  }
  // Without JIT (a hardened kernel) the interpreter runs under the same limits, only slower.
  (void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
  return Regex(std::move(pattern), compiled);
}

Result<bool> Regex::find(std::string_view text, size_t from, Scratch& scratch,
                         TextRange& match) const {
  const int count =
      pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                  PCRE2_NO_UTF_CHECK, scratch.data_.get(), scratch.context_.get());
  if (count == PCRE2_ERROR_NOMATCH) return false;
  if (count < 0) {
    return error(ErrorKind::kResource, "regular expression '{}' at byte {} of {}: {}", pattern_,
                 from, text.size(), pcre2_message(count));
  }
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(scratch.data_.get());
  // \K in a lookahead can put the start after the end or before `from`; neither is a piece of text.
  if (ends[0] < from || ends[1] < ends[0]) {
    return invalid("regular expression '{}' matched backwards at byte {}", pattern_, from);
  }
  match = {ends[0], ends[1]};
  return true;
}

Result<bool> Regex::next(std::string_view text, RegexCursor& cursor, Scratch& scratch,
                         TextRange& match) const {
  while (cursor.from <= text.size()) {
    TUTTI_ASSIGN(const bool found, find(text, cursor.from, scratch, match));
    if (!found) break;
    if (match.begin == match.end && cursor.last_end == match.end) {
      if (cursor.from == text.size()) break;
      do ++cursor.from;
      while (cursor.from < text.size() && is_utf8_continuation(text[cursor.from]));
      continue;
    }
    cursor = {match.end, match.end};
    return true;
  }
  cursor.from = text.size() + 1;
  return false;
}

}  // namespace tutti
