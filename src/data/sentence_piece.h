// A sentencepiece model (.model, BPE or Unigram): what a Tokenizer needs of one. Its ids are those
// of the file, and the sentencepiece library's for the same text
// (docs/decisions/007-sentencepiece.md). Immutable; shared by threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/added_tokens.h"
#include "data/piece_normalizer.h"
#include "data/unigram_model.h"

namespace tutti {

class Tokenizer;

struct SentencePiece {
  PieceNormalizer normalizer;
  AddedTokens defined;                  // a BPE model's user-defined pieces, found before it merges
  std::optional<UnigramModel> unigram;  // else the model is a BpeModel
};

// Whether a file that begins with `content` can be a sentencepiece model.
bool looks_like_sentence_piece(std::string_view content);

// A Tokenizer of a model: control pieces are its special tokens, as in Hugging Face's
// LlamaTokenizer. `name` is what errors call the file. Refused, with the field, is what is not
// supported: other kinds of models, white space as suffix or not escaped, unused pieces and pieces
// of BPE that hold a character that is no piece.
Result<Tokenizer> parse_sentence_piece(std::string_view content, const std::string& name);

}  // namespace tutti
