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
#include "data/growing_file.h"
#include "data/token_array.h"

namespace tutti {

class IndexedDataset {
 public:
  // Every size and pointer is checked against .bin, and every token against `vocab_size` unless
  // that is 0. Sequences must lie in order and without gaps, as Megatron-LM's builder writes them.
  static Result<IndexedDataset> open(FileSystem& fs, const std::string& prefix, int64_t vocab_size);

  const TokenArray& tokens() const { return tokens_; }
  int64_t documents() const { return static_cast<int64_t>(document_ends_.size()); }
  // Tokens [begin, end) of a document. Requires 0 <= document < documents().
  int64_t document_begin(int64_t document) const {
    return document == 0 ? 0 : document_end(document - 1);
  }
  int64_t document_end(int64_t document) const { return document_ends_[document]; }

  // For one call, before take_tokens(); no other may follow.
  std::vector<int64_t> take_document_ends() { return std::move(document_ends_); }
  TokenArray take_tokens() && { return std::move(tokens_); }

 private:
  explicit IndexedDataset(TokenArray tokens) : tokens_(std::move(tokens)) {}

  TokenArray tokens_;
  std::vector<int64_t> document_ends_;  // in tokens
};

// How far a dataset is written.
struct IndexedProgress {
  int64_t tokens = 0;
  int64_t documents = 0;
  int64_t document_tokens = 0;  // of the document under way
  friend bool operator==(const IndexedProgress&, const IndexedProgress&) = default;
};

struct IndexedWriterOptions {
  TokenType type = TokenType::kUint16;
  bool mask = false;           // write PREFIX.mask too: see loss_mask.h
  bool keep = false;           // leave the temporary files when it goes, for another to go on with
  IndexedProgress start = {};  // go on with the temporary files of a writer that was there before
};

// Writes PREFIX.bin, PREFIX.idx and perhaps PREFIX.mask under temporary names and renames them in
// finish(). Until then an older dataset of that name is whole; without finish() the temporary files
// are removed, unless they are to be kept. Memory does not grow with the dataset.
class IndexedDatasetWriter {
 public:
  static Result<std::unique_ptr<IndexedDatasetWriter>> create(FileSystem& fs, std::string prefix,
                                                              IndexedWriterOptions options);
  static Result<std::unique_ptr<IndexedDatasetWriter>> create(FileSystem& fs, std::string prefix,
                                                              TokenType type);
  ~IndexedDatasetWriter();
  IndexedDatasetWriter(const IndexedDatasetWriter&) = delete;
  IndexedDatasetWriter& operator=(const IndexedDatasetWriter&) = delete;

  // Appends to the document under way. Requires that the ids fit the type, and no mask. A document
  // of more than 2^31 - 1 tokens is an error: the index has no room for its length.
  Status append(std::span<const int32_t> ids);
  // The same for tokens as they are on disk, with a byte of the mask for each of them if there is
  // one.
  Status append_packed(std::string_view tokens, std::string_view mask);
  // Ends it; each document is one sequence.
  Status end_document();
  // All of it so far is on the disk when it returns: a writer that starts from progress() loses
  // nothing.
  Status sync();
  // sync() for the last time; stage_indexed_dataset follows. Requires that the last document was
  // ended. No call may follow.
  Status close();
  // close(), stage_indexed_dataset and complete_indexed_dataset.
  Status finish();

  const IndexedProgress& progress() const { return progress_; }

 private:
  IndexedDatasetWriter(FileSystem& fs, std::string prefix, IndexedWriterOptions options)
      : fs_(fs), prefix_(std::move(prefix)), options_(options), progress_(options.start) {}
  Status open();

  FileSystem& fs_;
  std::string prefix_;
  IndexedWriterOptions options_;
  IndexedProgress progress_;
  std::unique_ptr<GrowingFile> bin_, sizes_, mask_;
  std::string packed_;
  bool finished_ = false;
};

// Gives a dataset that was closed its index, under a temporary name: a disk that is full says so
// while the older dataset is still there. `options.start` is the writer's last progress.
Status stage_indexed_dataset(FileSystem& fs, const std::string& prefix,
                             const IndexedWriterOptions& options);
// Gives it its names; an older one of these names goes. Staged and completed again after an
// interruption it does what is left.
Status complete_indexed_dataset(FileSystem& fs, const std::string& prefix,
                                const IndexedWriterOptions& options);
// Whether the temporary files that a writer with these options goes on with are there and long
// enough.
bool has_unfinished_dataset(FileSystem& fs, const std::string& prefix,
                            const IndexedWriterOptions& options);
// The tokens of a dataset that was closed: of the temporary file, or once it took its name of that.
// Checked against `vocab_size`. Requires that there are some.
Result<TokenArray> closed_tokens(FileSystem& fs, const std::string& prefix, TokenType type,
                                 int64_t vocab_size);
// Removes the temporary files, whichever are there.
Status remove_unfinished_dataset(FileSystem& fs, const std::string& prefix);

std::string bin_path(const std::string& prefix);
std::string idx_path(const std::string& prefix);
std::string mask_path(const std::string& prefix);

}  // namespace tutti
