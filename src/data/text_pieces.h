// Where a long text is cut so that the tokens of the pieces, all but the first encoded as what goes
// on a text (TokenEncoder), are those of the whole. Stateless and thread-safe.
//
// Pre-tokenizers never join what is before a line end with what comes after it, when a printing
// character is on both sides; nor, in text without such lines, a letter and the space behind it.
// Tokenizers that put a space before each text (Llama 2, sentencepiece's dummy prefix) have words
// that begin with their space, and some of them read a line end as a space: their texts are cut
// before a space between two printing characters, or before a line end.
#pragma once

#include <cstddef>
#include <string_view>

namespace tutti {

// How many bytes of `text`, of which more may follow, are a first piece of about `bytes`. Without a
// good place in its second half, up to a line end; without one, to between two characters, where
// the tokens around the cut can be others than those of the whole. `spaces_first`: the tokenizer
// puts a space before each text. Requires 4 < bytes < text.size(); 0 < result < text.size().
size_t find_piece_cut(std::string_view text, size_t bytes, bool spaces_first);

}  // namespace tutti
