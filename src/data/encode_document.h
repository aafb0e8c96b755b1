// A piece of a document → its tokens as they are on disk: what each worker of a preparation does.
// An encoder is used by one thread at a time; the tokenizer must outlive it.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "data/chat_layout.h"
#include "data/document_stream.h"
#include "data/token_array.h"
#include "data/tokenizer.h"

namespace tutti {

// Tokens of one piece, after those of the piece before.
struct EncodedPiece {
  size_t file = 0;
  uint64_t line = 1;
  bool last = true;  // of its document: the end-of-text token is the last one
  int64_t tokens = 0;
  int64_t text_bytes = 0;
};

struct EncodedPieces {
  std::vector<EncodedPiece> pieces;  // without those that have no text
  std::string tokens;                // of all of them, as on disk
  std::string mask;  // a byte a token when the format has a loss mask: see loss_mask.h
};

class DocumentEncoder {
 public:
  // Requires that the tokenizer has an end-of-text token.
  DocumentEncoder(const Tokenizer& tokenizer, DocumentOptions options);

  // Decodes `piece`, which `file` holds, and appends its tokens. Errors name the file and the
  // place.
  Status append(DocumentPiece piece, const CorpusFile& file, EncodedPieces& out);

 private:
  // `lines`: a line end in `text` is one in the file.
  Status encode_text(std::string_view text, bool continues, JsonPlace place, bool lines);
  Status encode_chat(DocumentPiece& piece, const CorpusFile& file);
  // How many lines of `text` are in front of the first that cannot be encoded; 0 when each can.
  uint64_t lines_before_error(std::string_view text);
  static JsonPlace place_of(const DocumentPiece& piece, const CorpusFile& file);

  DocumentOptions options_;
  ChatLayout layout_;
  TokenType type_;
  int32_t end_of_text_;
  TokenEncoder encoder_;
  std::vector<int32_t> ids_;  // of the piece under way
  std::string learned_;       // of the same, in format kChat
  size_t text_bytes_ = 0;     // of the same
};

// Whether the tokenizer puts a space before each text that it encodes, as those of Llama 2 do: what
// DocumentOptions::spaces_first must be.
bool adds_leading_space(const Tokenizer& tokenizer);

}  // namespace tutti
