#include "data/tokenizer.h"

namespace tutti {

TokenDecoder::TokenDecoder(const Tokenizer& tokenizer, bool continues, DecodeOptions options)
    : tokenizer_(tokenizer),
      options_(options),
      first_(!continues),
      strips_(continues ? 0 : tokenizer.parts_.decoder.whole_strip().start) {}

Status TokenDecoder::append(int32_t id, std::string& text) {
  if (id < 0 || id >= tokenizer_.vocab_size()) {
    return invalid("token {}: the vocabulary has ids 0 to {}", id, tokenizer_.vocab_size() - 1);
  }
  if (options_.skip_special && tokenizer_.special_[id]) return Status();
  const Decoder& decoder = tokenizer_.parts_.decoder;
  const Decoder::Piece& piece = tokenizer_.pieces_[id];
  if (decoder.is_sentence_piece() && tokenizer_.special_[id]) {  // not of the text
    finish(text);
    text += piece.text;
    return Status();
  }
  if (piece.is_byte) {
    byte_run_ += piece.text;
  } else {
    finish(text);
    put(first_ ? piece.first_text : piece.text, text);
  }
  first_ = first_ && decoder.stays_first(piece);
  return Status();
}

void TokenDecoder::put(std::string_view piece, std::string& text) {
  const std::string& content = tokenizer_.parts_.decoder.whole_strip().content;
  while (strips_ > 0 && !piece.empty()) {
    if (piece.starts_with(content)) {
      piece.remove_prefix(content.size());
      --strips_;
    } else {
      strips_ = 0;
    }
  }
  text += piece;
}

void TokenDecoder::finish(std::string& text) {
  if (byte_run_.empty()) return;
  put(tokenizer_.parts_.decoder.text_of_bytes(byte_run_), text);
  byte_run_.clear();
}

}  // namespace tutti
