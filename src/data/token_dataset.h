// Tokens cut into samples for next-token prediction. Immutable and thread-safe; owns the mapped
// files.
//
// Packing::kStream: the tokens are one stream. Sample i holds tokens [i * seq_len, (i + 1) *
// seq_len] of it: its labels are its tokens, one later, and neighbouring samples share one token,
// so every token but the first is a label exactly once.
//
// Packing::kDocuments and kPadded: no sample begins within a document that fits into one. A
// document of n tokens is n - 1 tokens and the labels that follow them; one that is longer than a
// sample goes on in the next. kDocuments puts as many whole documents into a sample as fit, in
// their order; kPadded one. The rest of a sample is padding: token 0 with labels that are ignored.
// Every token but the first of each document is a label exactly once.
//
// Labels that PREFIX.mask leaves out are ignored (-1).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "data/loss_mask.h"
#include "data/token_array.h"

namespace tutti {

inline constexpr int32_t kIgnoredLabel = -1;

enum class Packing { kStream, kDocuments, kPadded };

struct SampleOptions {
  int64_t seq_len = 1;
  Packing packing = Packing::kStream;
  // Positions restart at each document, segments count them, and a document's last token has no
  // label: it predicts nothing of the next one.
  bool document_mask = false;
  // Where documents end in a file that has no index: behind each of these. -1: not known.
  int32_t end_of_text = -1;
};

class TokenDataset {
 public:
  // Requires seq_len >= 1. A stream of fewer than seq_len + 1 tokens is an error that names it.
  static Result<TokenDataset> create(TokenArray tokens, int64_t seq_len, const std::string& name);

  // Opens PREFIX.bin with PREFIX.idx (and PREFIX.mask when it is there), or a file without an index
  // (see token_array.h), and checks every token against `vocab_size`, the rows of the model's
  // embedding. `path` is the prefix or either file.
  static Result<TokenDataset> open(FileSystem& fs, const std::string& path,
                                   const SampleOptions& options, int64_t vocab_size);
  static Result<TokenDataset> open(FileSystem& fs, const std::string& path, int64_t seq_len,
                                   int64_t vocab_size) {
    return open(fs, path, SampleOptions{.seq_len = seq_len}, vocab_size);
  }

  int64_t samples() const { return samples_; }
  int64_t tokens() const { return tokens_.size(); }
  int64_t seq_len() const { return options_.seq_len; }
  bool has_mask() const { return mask_.has_value(); }

  // Fills tokens[seq], labels[seq] and positions[seq] of one sample, and segments[seq] (0, 1, …
  // from document to document) unless that is empty. Without document_mask positions are 0, 1, …
  // and all segments 0. Requires 0 <= sample < samples() and spans of seq_len.
  void fill(int64_t sample, std::span<int32_t> tokens, std::span<int32_t> labels,
            std::span<int32_t> positions, std::span<int32_t> segments = {}) const;

 private:
  TokenDataset(TokenArray tokens, SampleOptions options)
      : tokens_(std::move(tokens)), options_(options) {}
  Status cut(const std::string& name);
  void pack();
  int64_t unit(int64_t begin, int64_t document_end) const;
  void read_labelled(int64_t begin, std::span<int32_t> tokens, std::span<int32_t> labels) const;
  void fill_stream(int64_t begin, std::span<int32_t> tokens, std::span<int32_t> labels,
                   std::vector<size_t>& runs) const;
  void fill_packed(int64_t sample, std::span<int32_t> tokens, std::span<int32_t> labels,
                   std::vector<size_t>& runs) const;

  TokenArray tokens_;
  SampleOptions options_;
  std::optional<LossMask> mask_;
  std::vector<int64_t> document_ends_;  // in tokens; when the options need them
  std::vector<int64_t> sample_begins_;  // the first token of each sample; not of a stream
  int64_t samples_ = 0;
};

}  // namespace tutti
