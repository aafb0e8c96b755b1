// A compiled regular expression over UTF-8 text (PCRE2 with Unicode properties and JIT), with the
// meaning that pre-tokenizers give their patterns: `\s` is Unicode's White_Space.
//
// A Regex is immutable and may be used by many threads, each with its own Scratch. Every match runs
// under a limit on its steps and memory, so no pattern can hang or exhaust the process.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;
struct pcre2_real_jit_stack_8;

namespace tutti {

struct TextRange {
  size_t begin = 0;
  size_t end = 0;
};

class Regex {
 public:
  // What one thread needs to match; made once and used for many texts.
  class Scratch {
   public:
    explicit Scratch(const Regex& regex);

   private:
    friend class Regex;
    struct Free {
      void operator()(pcre2_real_match_data_8* data) const;
      void operator()(pcre2_real_match_context_8* context) const;
      void operator()(pcre2_real_jit_stack_8* stack) const;
    };
    std::unique_ptr<pcre2_real_jit_stack_8, Free> stack_;
    std::unique_ptr<pcre2_real_match_context_8, Free> context_;
    std::unique_ptr<pcre2_real_match_data_8, Free> data_;
  };

  static Result<Regex> compile(std::string pattern);

  // Finds the first non-empty match that starts at or after byte `from` of `text`. Requires valid
  // UTF-8. False when there is none; an error names the pattern and the offset when a limit is hit.
  Result<bool> find(std::string_view text, size_t from, Scratch& scratch, TextRange& match) const;

  const std::string& pattern() const { return pattern_; }

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const;
  };
  Regex(std::string pattern, pcre2_real_code_8* code) : pattern_(std::move(pattern)), code_(code) {}

  std::string pattern_;
  std::unique_ptr<pcre2_real_code_8, Free> code_;
};

// GPT-2's pre-tokenizer pattern, which `ByteLevel` with `use_regex` means.
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

}  // namespace tutti
