// Patterns as tokenizer.json writes them (Oniguruma's syntax, which Hugging Face tokenizers uses),
// in PCRE2's syntax with the same meaning. Stateless and thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace tutti {

// Where the two mean different things by one spelling, what PCRE2 gets is spelled out: \s, \w, \b,
// \B and \h, and \p{L} and \p{N} with the characters that are newer than PCRE2's tables. What is
// not spelled out (a set within a set, &&, the inverse of one of these, as \W, within a set, an
// interval followed by +, options other than i and x) is an error that names the offset.
Result<std::string> to_pcre2(std::string_view pattern);

}  // namespace tutti
