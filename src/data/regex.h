// A compiled regular expression over UTF-8 text (PCRE2 with Unicode properties and JIT), with the
// meaning that tokenizer.json gives its patterns: see regex_syntax.h.
//
// A Regex is immutable and may be used by many threads, each with its own Scratch. Every match runs
// under a limit on its steps and memory, so no pattern can hang or exhaust the process.
#pragma once

#include <cstddef>
#include <cstdint>
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

// Where the search for the next match goes on.
struct RegexCursor {
  size_t from = 0;
  size_t last_end = SIZE_MAX;
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

  // Finds the next match, which may be empty but not where the one before ended. `cursor` starts
  // as {} for each `text` (valid UTF-8). False when there is none; an error names the pattern and
  // the offset when a limit is hit.
  Result<bool> next(std::string_view text, RegexCursor& cursor, Scratch& scratch,
                    TextRange& match) const;

  const std::string& pattern() const { return pattern_; }

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const;
  };
  Result<bool> find(std::string_view text, size_t from, Scratch& scratch, TextRange& match) const;
  Regex(std::string pattern, pcre2_real_code_8* code) : pattern_(std::move(pattern)), code_(code) {}

  std::string pattern_;
  std::unique_ptr<pcre2_real_code_8, Free> code_;
};

}  // namespace tutti
