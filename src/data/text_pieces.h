// Where a long text is cut so that the tokens of the pieces are those of the whole. Stateless and
// thread-safe.
//
// Pre-tokenizers never join what is before a line end with what comes after it, when a printing
// character is on both sides; nor, in text without such lines, a letter and the space behind it. A
// tokenizer that puts a space before each text (Llama 2, sentencepiece's dummy prefix) would put
// one before each piece: its texts are cut only at a space between two letters, and the space is
// dropped.
#pragma once

#include <cstddef>
#include <string_view>

namespace tutti {

struct PieceCut {
  size_t end;   // of the first piece
  size_t next;  // where the second begins: `end`, or 1 more when a space is dropped
};

// Where to cut `text`, of which more may follow, into a piece of about `bytes`. Without a good
// place in its second half, at a line end; without one, between two characters. Requires 4 < bytes
// < text.size(); 0 < end <= next < text.size().
PieceCut find_piece_cut(std::string_view text, size_t bytes, bool drop_space);

}  // namespace tutti
