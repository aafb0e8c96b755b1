#include <algorithm>
#include <vector>

#include "data/indexed_dataset.h"
#include "data/indexed_format.h"
#include "data/loss_mask.h"

namespace tutti {
namespace {

constexpr size_t kSizesAtOnce = 1 << 16;

std::string temporary(const std::string& path) { return path + ".tmp"; }
// The length of each document, i32, until the index is written.
std::string sizes_path(const std::string& prefix) { return prefix + ".sizes.tmp"; }

uint64_t sizes_bytes(const IndexedWriterOptions& options) {
  return 4 * static_cast<uint64_t>(options.start.documents);
}

uint64_t bin_bytes(const IndexedWriterOptions& options) {
  return static_cast<uint64_t>(options.start.tokens) * token_bytes(options.type);
}

uint64_t mask_bytes(const IndexedWriterOptions& options) {
  return static_cast<uint64_t>(options.start.tokens) + kMaskHeaderBytes;
}

// Calls visit(size) for each document.
template <typename Visit>
Status for_each_size(FileSystem& fs, const std::string& prefix, int64_t documents,
                     const Visit& visit) {
  TUTTI_ASSIGN(const auto file, fs.open(sizes_path(prefix)));
  std::vector<int32_t> sizes;
  for (int64_t at = 0; at < documents; at += static_cast<int64_t>(sizes.size())) {
    sizes.resize(std::min<int64_t>(kSizesAtOnce, documents - at));
    const std::span<char> bytes(reinterpret_cast<char*>(sizes.data()), 4 * sizes.size());
    TUTTI_TRY(file->read_at(static_cast<uint64_t>(4 * at), bytes));
    for (const int32_t size : sizes) TUTTI_TRY(visit(size));
  }
  return Status();
}

// Renames the temporary file of `path`; when that was done before, what is there must be it.
Status take_name(FileSystem& fs, const std::string& path, uint64_t bytes) {
  const bool waits = exists(fs, temporary(path));
  TUTTI_ASSIGN(const FileInfo info, fs.stat(waits ? temporary(path) : path));
  if (info.bytes != bytes) {
    return corrupt("{}: {} bytes, but {} were written", waits ? temporary(path) : path, info.bytes,
                   bytes);
  }
  return waits ? fs.rename(temporary(path), path) : Status();
}

Status remove_if_there(FileSystem& fs, const std::string& path) {
  return exists(fs, path) ? fs.remove(path) : Status();
}

}  // namespace

Result<std::unique_ptr<IndexedDatasetWriter>> IndexedDatasetWriter::create(FileSystem& fs,
                                                                           std::string prefix,
                                                                           TokenType type) {
  return create(fs, std::move(prefix), {.type = type});
}

Result<std::unique_ptr<IndexedDatasetWriter>> IndexedDatasetWriter::create(
    FileSystem& fs, std::string prefix, IndexedWriterOptions options) {
  std::unique_ptr<IndexedDatasetWriter> writer(
      new IndexedDatasetWriter(fs, std::move(prefix), options));
  TUTTI_TRY(writer->open());
  return writer;
}

Status IndexedDatasetWriter::open() {
  TUTTI_ASSIGN(bin_, GrowingFile::open(fs_, temporary(bin_path(prefix_)), bin_bytes(options_)));
  TUTTI_ASSIGN(sizes_, GrowingFile::open(fs_, sizes_path(prefix_), sizes_bytes(options_)));
  if (!options_.mask) return Status();
  const bool begins = progress_.tokens == 0;
  const uint64_t bytes = begins ? 0 : mask_bytes(options_);
  TUTTI_ASSIGN(mask_, GrowingFile::open(fs_, temporary(mask_path(prefix_)), bytes));
  return begins ? mask_->append(mask_header()) : Status();
}

IndexedDatasetWriter::~IndexedDatasetWriter() {
  if (finished_ || options_.keep) return;
  bin_.reset();
  (void)remove_unfinished_dataset(fs_, prefix_);  // best effort: the next run truncates them
}

Status IndexedDatasetWriter::append(std::span<const int32_t> ids) {
  packed_.clear();
  append_tokens(ids, options_.type, packed_);
  return append_packed(packed_, {});
}

Status IndexedDatasetWriter::append_packed(std::string_view tokens, std::string_view mask) {
  const size_t count = tokens.size() / token_bytes(options_.type);
  TUTTI_CHECK(count * token_bytes(options_.type) == tokens.size(), "{} bytes", tokens.size());
  TUTTI_CHECK(mask.size() == (options_.mask ? count : 0), "{} of a mask for {} tokens", mask.size(),
              count);
  if (progress_.document_tokens + static_cast<int64_t>(count) > INT32_MAX) {
    return invalid("{}: document {} has more than {} tokens, which is what the format allows",
                   bin_path(prefix_), progress_.documents, INT32_MAX);
  }
  progress_.document_tokens += static_cast<int64_t>(count);
  progress_.tokens += static_cast<int64_t>(count);
  if (mask_) TUTTI_TRY(mask_->append(mask));
  return bin_->append(tokens);
}

Status IndexedDatasetWriter::end_document() {
  const auto size = static_cast<int32_t>(progress_.document_tokens);
  progress_.document_tokens = 0;
  ++progress_.documents;
  return sizes_->append(bytes_of(size));
}

Status IndexedDatasetWriter::sync() {
  TUTTI_TRY(bin_->sync());
  TUTTI_TRY(sizes_->sync());
  return mask_ ? mask_->sync() : Status();
}

Status IndexedDatasetWriter::close() {
  TUTTI_CHECK(progress_.document_tokens == 0, "document {} was not ended", progress_.documents);
  TUTTI_TRY(bin_->close());
  TUTTI_TRY(sizes_->close());
  return mask_ ? mask_->close() : Status();
}

Status IndexedDatasetWriter::finish() {
  TUTTI_TRY(close());
  IndexedWriterOptions options = options_;
  options.start = progress_;
  TUTTI_TRY(stage_indexed_dataset(fs_, prefix_, options));
  TUTTI_TRY(complete_indexed_dataset(fs_, prefix_, options));
  finished_ = true;
  return remove_unfinished_dataset(fs_, prefix_);
}

Status stage_indexed_dataset(FileSystem& fs, const std::string& prefix,
                             const IndexedWriterOptions& options) {
  const int64_t documents = options.start.documents;
  TUTTI_ASSIGN(const auto index, GrowingFile::open(fs, temporary(idx_path(prefix)), 0));
  TUTTI_TRY(index->append(kIndexMagic));
  TUTTI_TRY(index->append(bytes_of(kIndexVersion)));
  const uint8_t code = options.type == TokenType::kUint16 ? kCodeUint16 : kCodeInt32;
  TUTTI_TRY(index->append(bytes_of(code)));
  TUTTI_TRY(index->append(bytes_of(documents)));
  const int64_t entries = documents + 1;
  TUTTI_TRY(index->append(bytes_of(entries)));
  TUTTI_TRY(for_each_size(fs, prefix, documents,
                          [&](int32_t size) { return index->append(bytes_of(size)); }));
  int64_t pointer = 0;
  TUTTI_TRY(for_each_size(fs, prefix, documents, [&](int32_t size) {
    const Status status = index->append(bytes_of(pointer));
    pointer += size * static_cast<int64_t>(token_bytes(options.type));
    return status;
  }));
  for (int64_t i = 0; i < entries; ++i) TUTTI_TRY(index->append(bytes_of(i)));
  return index->close();
}

Status complete_indexed_dataset(FileSystem& fs, const std::string& prefix,
                                const IndexedWriterOptions& options) {
  // A mask of other tokens must not lie beside these at any time.
  if (!options.mask) TUTTI_TRY(remove_if_there(fs, mask_path(prefix)));
  TUTTI_TRY(take_name(fs, bin_path(prefix), bin_bytes(options)));
  if (options.mask) TUTTI_TRY(take_name(fs, mask_path(prefix), mask_bytes(options)));
  TUTTI_TRY(fs.rename(temporary(idx_path(prefix)), idx_path(prefix)));
  return fs.sync_directory(parent_path(prefix));
}

bool has_unfinished_dataset(FileSystem& fs, const std::string& prefix,
                            const IndexedWriterOptions& options) {
  const auto has = [&](const std::string& path, uint64_t bytes) {
    const Result<FileInfo> info = fs.stat(path);
    return bytes == 0 || (info.ok() && info->bytes >= bytes);
  };
  const bool masked = options.mask && options.start.tokens > 0;
  return has(temporary(bin_path(prefix)), bin_bytes(options)) &&
         has(sizes_path(prefix), sizes_bytes(options)) &&
         has(temporary(mask_path(prefix)), masked ? mask_bytes(options) : 0);
}

Result<TokenArray> closed_tokens(FileSystem& fs, const std::string& prefix, TokenType type,
                                 int64_t vocab_size) {
  std::string path = temporary(bin_path(prefix));
  if (!exists(fs, path)) path = bin_path(prefix);
  TUTTI_ASSIGN(auto file, fs.map(path));
  TokenArray tokens(std::move(file), 0, type);
  TUTTI_TRY(tokens.check_below(vocab_size, path));
  return tokens;
}

Status remove_unfinished_dataset(FileSystem& fs, const std::string& prefix) {
  for (const std::string& path : {temporary(bin_path(prefix)), temporary(mask_path(prefix)),
                                  temporary(idx_path(prefix)), sizes_path(prefix)}) {
    TUTTI_TRY(remove_if_there(fs, path));
  }
  return Status();
}

}  // namespace tutti
