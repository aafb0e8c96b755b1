// A token stream cut into samples for next-token prediction. Sample i holds tokens
// [i * seq_len, (i + 1) * seq_len] of the stream: its labels are its tokens, one later, and
// neighbouring samples share one token, so every token but the first is a label exactly once.
// Immutable and thread-safe; owns the mapped file.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/fs.h"
#include "base/status.h"
#include "data/token_array.h"

namespace tutti {

class TokenDataset {
 public:
  // Requires seq_len >= 1. A stream of fewer than seq_len + 1 tokens is an error that names it.
  static Result<TokenDataset> create(TokenArray tokens, int64_t seq_len, const std::string& name);

  // Opens PREFIX.bin with PREFIX.idx, or a .bin file alone (see token_array.h), and checks every
  // token against `vocab_size`, the rows of the model's embedding.
  static Result<TokenDataset> open(FileSystem& fs, const std::string& path, int64_t seq_len,
                                   int64_t vocab_size);

  int64_t samples() const { return samples_; }
  int64_t tokens() const { return tokens_.size(); }
  int64_t seq_len() const { return seq_len_; }

  // Fills tokens[seq], labels[seq] and positions[seq] (0, 1, …) of one sample. Requires
  // 0 <= sample < samples() and three spans of seq_len.
  void fill(int64_t sample, std::span<int32_t> tokens, std::span<int32_t> labels,
            std::span<int32_t> positions) const;

 private:
  TokenDataset(TokenArray tokens, int64_t seq_len)
      : tokens_(std::move(tokens)), seq_len_(seq_len), samples_((tokens_.size() - 1) / seq_len) {}

  TokenArray tokens_;
  int64_t seq_len_;
  int64_t samples_;
};

}  // namespace tutti
