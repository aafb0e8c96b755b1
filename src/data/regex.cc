#include "data/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>

namespace tutti {
namespace {

constexpr uint32_t kMatchSteps = 50'000'000;
constexpr uint32_t kHeapKib = 256 * 1024;
constexpr size_t kJitStackStart = 64 * 1024;
constexpr size_t kJitStackMax = 64 * 1024 * 1024;
constexpr size_t kPatternBytesMax = 64 * 1024;

// White_Space of Unicode. PCRE2's own \s also takes U+180E, which left the property in 2013.
constexpr std::string_view kWhiteSpace =
    R"(\t-\r\x20\x85\xA0\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

// Spells \s (anywhere) and \S (outside classes) by their code points.
std::string with_unicode_white_space(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char escaped = pattern[++i];
      if (escaped == 's') {
        out += in_class ? std::string(kWhiteSpace) : fmt::format("[{}]", kWhiteSpace);
      } else if (escaped == 'S' && !in_class) {
        out += fmt::format("[^{}]", kWhiteSpace);
      } else {
        out += c;
        out += escaped;
      }
      continue;
    }
    if (in_class && c == '[' && pattern.substr(i, 2) == "[:") {
      const size_t close = pattern.find(":]", i);
      if (close != std::string_view::npos) {  // a POSIX class, whose ] does not end the class
        out += pattern.substr(i, close + 2 - i);
        i = close + 1;
        continue;
      }
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    out += c;
  }
  return out;
}

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
  const std::string spelled = with_unicode_white_space(pattern);
  int code = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* compiled =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(spelled.data()), spelled.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, nullptr);
  if (compiled == nullptr) {
    return invalid("regular expression '{}': {} at offset {}", spelled, pcre2_message(code),
                   offset);
  }
  // Without JIT (a hardened kernel) the interpreter runs under the same limits, only slower.
  (void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
  return Regex(std::move(pattern), compiled);
}

Result<bool> Regex::find(std::string_view text, size_t from, Scratch& scratch,
                         TextRange& match) const {
  const int count =
      pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                  PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, scratch.data_.get(), scratch.context_.get());
  if (count == PCRE2_ERROR_NOMATCH) return false;
  if (count < 0) {
    return error(ErrorKind::kResource, "regular expression '{}' at byte {} of {}: {}", pattern_,
                 from, text.size(), pcre2_message(count));
  }
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(scratch.data_.get());
  // \K in a lookahead can put the start after the end or before `from`; neither is a piece of text.
  if (ends[0] < from || ends[1] <= ends[0]) {
    return invalid("regular expression '{}' matched backwards at byte {}", pattern_, from);
  }
  match = {ends[0], ends[1]};
  return true;
}

}  // namespace tutti
