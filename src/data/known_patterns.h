// The pre-tokenizer patterns of GPT-2, Llama 3 and Qwen2 as code: equal to PCRE2 on the pattern's
// text, and many times as fast. Every character begins a match, so a match is known by its end.
// Stateless and thread-safe.
#pragma once

#include <cstddef>
#include <string_view>

namespace tutti {

// The end of the match that begins at `at`. Requires valid UTF-8 and at < text.size().
size_t gpt2_match_end(std::string_view text, size_t at);
// With \p{N}{1,numbers_max}: Llama 3 takes 3, Qwen2 1.
size_t llama3_match_end(std::string_view text, size_t at, int numbers_max);
// \w+|[^\w\s]+; the end is `at` when the character is white space.
size_t word_match_end(std::string_view text, size_t at);

}  // namespace tutti
