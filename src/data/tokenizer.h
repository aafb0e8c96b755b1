// Text ↔ token ids, in stages: added tokens → normalizer → pre-tokenizer → model → tokens around;
// and tokens → text by a decoder. What the stages are, a file says: a Hugging Face tokenizer.json
// (tokenizer_json.h) or a sentencepiece model (sentence_piece.h).
//
// A Tokenizer is immutable and shared by threads. A TokenEncoder is what one thread encodes with:
// it owns the buffers and the word cache, and must not outlive its Tokenizer; so a TokenDecoder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "data/added_tokens.h"
#include "data/bpe_model.h"
#include "data/decoder.h"
#include "data/normalizer.h"
#include "data/pre_tokenizer.h"
#include "data/sentence_piece.h"
#include "data/word_cache.h"

namespace tutti {

struct EncodeOptions {
  // Recognise control tokens spelled out in the text: those that the file calls special, and those
  // that end a document or lay out a chat (control_tokens.h). Off for text from outside: a document
  // must not be able to end itself.
  bool special_tokens = true;
  // Put around the ids what the file asks for: what a tokenizer.json's post_processor adds, of a
  // sentencepiece model the token of the beginning.
  bool add_special = false;
};

struct DecodeOptions {
  bool skip_special = false;  // leave control tokens out; else they are spelled out
};

// What a Tokenizer is made of. With `sentence_piece` its stages take the place of normalizer and
// pre-tokenizer.
struct TokenizerParts {
  std::vector<AddedToken> added;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  BpeModel model;
  Decoder decoder;
  std::vector<int32_t> before, after;  // ids that add_special puts around a text
  std::unique_ptr<SentencePiece> sentence_piece;
  std::vector<std::string> pieces;  // a sentencepiece model's, by id
};

class Tokenizer {
 public:
  // The largest text that one call encodes; longer text is fed in pieces.
  static constexpr size_t kTextBytesMax = size_t{256} << 20;
  // The largest file that load() reads.
  static constexpr uint64_t kFileBytesMax = uint64_t{256} << 20;

  // An error when a normalizer cannot be applied to an added token.
  static Result<Tokenizer> create(TokenizerParts parts);

  // Reads a tokenizer.json or a sentencepiece model, whichever the content is; an error names the
  // file and the place in it.
  static Result<Tokenizer> load(FileSystem& fs, const std::string& path);
  // The same from the file's content; `name` is what errors call the file.
  static Result<Tokenizer> parse(std::string_view content, const std::string& name);
  // How parse() takes a file: as a tokenizer.json, or else as a sentencepiece model.
  static bool is_json(std::string_view content);

  // The ids of `text`. Text that is not UTF-8 is an error that says where. For many texts use a
  // TokenEncoder, which remembers words.
  Result<std::vector<int32_t>> encode(std::string_view text, EncodeOptions options = {}) const;

  // Encodes each text on up to `threads` threads. The error is that of the first text that has one.
  Result<std::vector<std::vector<int32_t>>> encode_parallel(std::span<const std::string> texts,
                                                            int threads,
                                                            EncodeOptions options = {}) const;

  // The text that `ids` stand for. Any id of the vocabulary is accepted, so with byte-level tokens
  // the bytes need not be UTF-8. An id out of range is an error.
  Result<std::string> decode(std::span<const int32_t> ids, DecodeOptions options = {}) const;

  // One more than the largest id: rows that an embedding needs.
  int32_t vocab_size() const { return static_cast<int32_t>(pieces_.size()); }
  // The id of a token by its spelling in text, among the added tokens.
  std::optional<int32_t> added_token(std::string_view content) const;
  // What EncodeOptions::add_special puts before a text.
  const std::vector<int32_t>& begin_tokens() const { return parts_.before; }
  // The first of kEndOfTextTokens that is there; nothing when none is.
  std::optional<AddedToken> end_of_text() const;

 private:
  friend class TokenEncoder;
  friend class TokenDecoder;
  explicit Tokenizer(TokenizerParts parts) : parts_(std::move(parts)) {}
  // The tokens that end documents or lay out chats.
  std::vector<int32_t> control_ids() const;
  Status find_added();
  void find_pieces();

  TokenizerParts parts_;
  AddedTokens raw_added_;         // looked for in the text as it is
  AddedTokens normalized_added_;  // … and in the normalized text
  std::vector<Decoder::Piece> pieces_;
  std::vector<bool> special_;  // by id
};

class TokenEncoder {
 public:
  explicit TokenEncoder(const Tokenizer& tokenizer, EncodeOptions options = {});

  // Appends the ids of `text` to `ids`; on an error `ids` is unspecified. `continues`: the text
  // goes on one that begins elsewhere, so what the tokenizer puts before a text is not put before
  // it.
  Status append(std::string_view text, std::vector<int32_t>& ids, bool continues = false);

 private:
  Status append_raw(std::string_view text, TextPlace place, std::vector<int32_t>& ids);
  Status append_sentence_piece(std::string_view text, bool continues, std::vector<int32_t>& ids);
  Status append_normalized(std::string_view text, TextPlace place, std::vector<int32_t>& ids);
  Status append_pieces(std::string_view text, std::vector<int32_t>& ids);
  Status append_piece(std::string_view word, std::vector<int32_t>& ids);

  const Tokenizer& tokenizer_;
  const TokenizerParts& parts_;
  EncodeOptions options_;
  Normalizer::Scratch normalizer_scratch_;
  PreTokenizer::Scratch scratch_;
  BpeModel::Scratch model_scratch_;
  UnigramModel::Scratch unigram_scratch_;
  WordCache cache_;
};

// Decodes a sequence that arrives token by token. What it gives, put together, is what decode()
// gives for all of them.
class TokenDecoder {
 public:
  // `continues`: the tokens go on a text that begins elsewhere.
  explicit TokenDecoder(const Tokenizer& tokenizer, bool continues = false,
                        DecodeOptions options = {});

  // Appends to `text` what is known once `id` is there: bytes that need not end with a character.
  Status append(int32_t id, std::string& text);
  // Appends what was held back; call it behind the last token.
  void finish(std::string& text);

 private:
  void put(std::string_view piece, std::string& text);

  const Tokenizer& tokenizer_;
  DecodeOptions options_;
  bool first_;
  size_t strips_;         // how often more the decoder's Strip applies
  std::string byte_run_;  // of ByteFallback
};

}  // namespace tutti
