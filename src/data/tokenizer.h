// Text ↔ token ids, in stages: added tokens → pre-tokenizer → model; and bytes of tokens back.
//
// A Tokenizer is immutable and shared by threads. A TokenEncoder is what one thread encodes with:
// it owns the buffers and the word cache, and must not outlive its Tokenizer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "data/added_tokens.h"
#include "data/bpe_model.h"
#include "data/pre_tokenizer.h"
#include "data/word_cache.h"

namespace tutti {

struct EncodeOptions {
  // Recognise control tokens spelled out in the text. Off for text from outside: a document must
  // not be able to end itself.
  bool special_tokens = true;
};

class Tokenizer {
 public:
  // The largest text that one call encodes; longer text is fed in pieces.
  static constexpr size_t kTextBytesMax = size_t{256} << 20;

  Tokenizer(AddedTokens added, PreTokenizer pre_tokenizer, BpeModel model);

  // Reads a Hugging Face tokenizer.json; an error names the file and the place in it.
  static Result<Tokenizer> load(FileSystem& fs, const std::string& path);

  // The ids of `text` without any token added around it. Text that is not UTF-8 is an error that
  // says where. For many texts use a TokenEncoder, which remembers words.
  Result<std::vector<int32_t>> encode(std::string_view text, EncodeOptions options = {}) const;

  // Encodes each text on up to `threads` threads. The error is that of the first text that has one.
  Result<std::vector<std::vector<int32_t>>> encode_parallel(std::span<const std::string> texts,
                                                            int threads,
                                                            EncodeOptions options = {}) const;

  // The bytes that `ids` stand for, control tokens spelled out. Any id of the vocabulary is
  // accepted, so the bytes need not be UTF-8. An id out of range is an error.
  Result<std::string> decode(std::span<const int32_t> ids) const;

  // One more than the largest id: rows that an embedding needs.
  int32_t vocab_size() const { return vocab_size_; }
  // The id of a token by its spelling in text, among the added tokens.
  std::optional<int32_t> added_token(std::string_view content) const {
    return added_.id_of(content);
  }
  // `<|endoftext|>`, `<|end_of_text|>` or `</s>`, whichever is there; nothing when none is.
  std::optional<AddedToken> end_of_text() const;

  const AddedTokens& added() const { return added_; }
  const PreTokenizer& pre_tokenizer() const { return pre_tokenizer_; }
  const BpeModel& model() const { return model_; }

 private:
  AddedTokens added_;
  PreTokenizer pre_tokenizer_;
  BpeModel model_;
  std::vector<const std::string*> added_by_id_;  // content; null for ids of the model alone
  int32_t vocab_size_ = 0;
};

class TokenEncoder {
 public:
  explicit TokenEncoder(const Tokenizer& tokenizer, EncodeOptions options = {});

  // Appends the ids of `text` to `ids`; on an error `ids` is unspecified.
  Status append(std::string_view text, std::vector<int32_t>& ids);

 private:
  Status append_ordinary(std::string_view text, std::vector<int32_t>& ids);
  void append_word(std::string_view word, std::vector<int32_t>& ids);

  const Tokenizer& tokenizer_;
  EncodeOptions options_;
  PreTokenizer::Scratch scratch_;
  BpeModel::Scratch model_scratch_;
  WordCache cache_;
};

}  // namespace tutti
