#include <cstring>

#include "data/indexed_dataset.h"
#include "data/indexed_format.h"

namespace tutti {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

std::string temporary(const std::string& path) { return path + ".tmp"; }

template <typename T>
void put(T value, std::string& out) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

// Appends to a file through a buffer, so that large indices need no copy of their own.
class BufferedFile {
 public:
  explicit BufferedFile(std::unique_ptr<WritableFile> file) : file_(std::move(file)) {}

  template <typename T>
  Status put(T value) {
    tutti::put(value, buffer_);
    return buffer_.size() < kBufferBytes ? Status() : flush();
  }
  Status append(std::string_view bytes) {
    buffer_ += bytes;
    return Status();
  }
  Status close() {
    TUTTI_TRY(flush());
    TUTTI_TRY(file_->sync());
    return file_->close();
  }

 private:
  Status flush() {
    TUTTI_TRY(file_->append(buffer_));
    buffer_.clear();
    return Status();
  }

  std::unique_ptr<WritableFile> file_;
  std::string buffer_;
};

}  // namespace

Result<std::unique_ptr<IndexedDatasetWriter>> IndexedDatasetWriter::create(FileSystem& fs,
                                                                           std::string prefix,
                                                                           TokenType type) {
  std::unique_ptr<IndexedDatasetWriter> writer(
      new IndexedDatasetWriter(fs, std::move(prefix), type));
  TUTTI_ASSIGN(writer->bin_, fs.create(temporary(bin_path(writer->prefix_))));
  return writer;
}

IndexedDatasetWriter::~IndexedDatasetWriter() {
  if (finished_) return;
  bin_.reset();
  (void)fs_.remove(temporary(bin_path(prefix_)));  // best effort: the next run truncates them
  (void)fs_.remove(temporary(idx_path(prefix_)));
}

Status IndexedDatasetWriter::append(std::span<const int32_t> ids) {
  for (const int32_t id : ids) {
    if (type_ == TokenType::kUint16) {
      TUTTI_CHECK(id >= 0 && id <= UINT16_MAX, "token {}", id);
      put(static_cast<uint16_t>(id), buffer_);
    } else {
      put(id, buffer_);
    }
  }
  document_tokens_ += static_cast<int64_t>(ids.size());
  tokens_ += static_cast<int64_t>(ids.size());
  return buffer_.size() < kBufferBytes ? Status() : flush();
}

Status IndexedDatasetWriter::end_document() {
  if (document_tokens_ > INT32_MAX) {
    return error(ErrorKind::kResource, "{}: document {} has {} tokens, the format allows {}",
                 bin_path(prefix_), documents(), document_tokens_, INT32_MAX);
  }
  sizes_.push_back(static_cast<int32_t>(document_tokens_));
  document_tokens_ = 0;
  return Status();
}

Status IndexedDatasetWriter::flush() {
  TUTTI_TRY(bin_->append(buffer_));
  buffer_.clear();
  return Status();
}

Status IndexedDatasetWriter::write_index() {
  TUTTI_ASSIGN(auto file, fs_.create(temporary(idx_path(prefix_))));
  BufferedFile index(std::move(file));
  TUTTI_TRY(index.append(kIndexMagic));
  TUTTI_TRY(index.put(kIndexVersion));
  TUTTI_TRY(index.put(type_ == TokenType::kUint16 ? kCodeUint16 : kCodeInt32));
  TUTTI_TRY(index.put(uint64_t{sizes_.size()}));
  TUTTI_TRY(index.put(uint64_t{sizes_.size() + 1}));
  for (const int32_t size : sizes_) TUTTI_TRY(index.put(size));
  int64_t pointer = 0;
  for (const int32_t size : sizes_) {
    TUTTI_TRY(index.put(pointer));
    pointer += size * static_cast<int64_t>(token_bytes(type_));
  }
  for (size_t i = 0; i <= sizes_.size(); ++i) TUTTI_TRY(index.put(static_cast<int64_t>(i)));
  return index.close();
}

Status IndexedDatasetWriter::stage() {
  TUTTI_CHECK(document_tokens_ == 0, "document {} was not ended", documents());
  TUTTI_CHECK(!staged_, "{} was staged before", prefix_);
  TUTTI_TRY(flush());
  TUTTI_TRY(bin_->sync());
  TUTTI_TRY(bin_->close());
  TUTTI_TRY(write_index());
  staged_ = true;
  return {};
}

Status IndexedDatasetWriter::finish() {
  if (!staged_) TUTTI_TRY(stage());
  TUTTI_TRY(fs_.rename(temporary(bin_path(prefix_)), bin_path(prefix_)));
  TUTTI_TRY(fs_.rename(temporary(idx_path(prefix_)), idx_path(prefix_)));
  finished_ = true;
  return fs_.sync_directory(parent_path(prefix_));
}

}  // namespace tutti
