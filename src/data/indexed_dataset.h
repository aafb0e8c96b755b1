// Megatron-LM's indexed dataset (MMapIndexedDataset): PREFIX.bin holds the tokens of all sequences
// one after the other; PREFIX.idx holds, little endian,
//
//   "MMIDIDX\0\0" · u64 version 1 · u8 dtype code · u64 sequences S · u64 documents D
//   i32 size[S] · i64 pointer[S] (bytes into .bin) · i64 document[D] (first sequence; last is S)
//
// An IndexedDataset is mapped, validated as a whole before it is used, immutable and thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "data/token_array.h"

namespace tutti {

class IndexedDataset {
 public:
  // Every size and pointer is checked against .bin, and every token against `vocab_size` unless
  // that is 0. Sequences must lie in order and without gaps, as Megatron-LM's builder writes them.
  static Result<IndexedDataset> open(FileSystem& fs, const std::string& prefix, int64_t vocab_size);

  const TokenArray& tokens() const { return tokens_; }
  int64_t sequences() const { return static_cast<int64_t>(sequence_ends_.size()); }
  int64_t documents() const { return static_cast<int64_t>(document_ends_.size()); }
  // Tokens [begin, end) of a document. Requires 0 <= document < documents().
  int64_t document_begin(int64_t document) const {
    return document == 0 ? 0 : document_end(document - 1);
  }
  int64_t document_end(int64_t document) const { return document_ends_[document]; }

  TokenArray take_tokens() && { return std::move(tokens_); }

 private:
  explicit IndexedDataset(TokenArray tokens) : tokens_(std::move(tokens)) {}

  TokenArray tokens_;
  std::vector<int64_t> sequence_ends_;  // in tokens
  std::vector<int64_t> document_ends_;  // in tokens
};

// Writes PREFIX.bin and PREFIX.idx under temporary names and renames them in finish(). Until then
// an older dataset of that name is whole; without finish() the temporary files are removed.
class IndexedDatasetWriter {
 public:
  static Result<std::unique_ptr<IndexedDatasetWriter>> create(FileSystem& fs, std::string prefix,
                                                              TokenType type);
  ~IndexedDatasetWriter();
  IndexedDatasetWriter(const IndexedDatasetWriter&) = delete;
  IndexedDatasetWriter& operator=(const IndexedDatasetWriter&) = delete;

  // Appends to the document under way. Requires that the ids fit the type.
  Status append(std::span<const int32_t> ids);
  // Ends it; each document is one sequence.
  Status end_document();
  // Puts all of it on the disk under the temporary names, so that a disk that is full says so while
  // the older dataset is still there. Requires that the last document was ended. Only finish() may
  // follow.
  Status stage();
  // Renames; stages first when that was not done. No call may follow.
  Status finish();

  int64_t tokens() const { return tokens_; }
  int64_t documents() const { return static_cast<int64_t>(sizes_.size()); }

 private:
  IndexedDatasetWriter(FileSystem& fs, std::string prefix, TokenType type)
      : fs_(fs), prefix_(std::move(prefix)), type_(type) {}
  Status flush();
  Status write_index();

  FileSystem& fs_;
  std::string prefix_;
  TokenType type_;
  std::unique_ptr<WritableFile> bin_;
  std::string buffer_;
  std::vector<int32_t> sizes_;
  int64_t document_tokens_ = 0;
  int64_t tokens_ = 0;
  bool staged_ = false;
  bool finished_ = false;
};

// A dataset's file names, and those used while it is written.
std::string bin_path(const std::string& prefix);
std::string idx_path(const std::string& prefix);

}  // namespace tutti
