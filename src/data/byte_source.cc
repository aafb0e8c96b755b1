#include "data/byte_source.h"

#include <zstd.h>

#include <algorithm>
#include <vector>

namespace tutti {
namespace {

class FileSource : public ByteSource {
 public:
  FileSource(std::unique_ptr<ReadableFile> file, uint64_t begin, uint64_t end)
      : file_(std::move(file)), at_(begin), end_(end) {}

  Result<size_t> read(std::span<char> out) override {
    const size_t count = std::min<uint64_t>(out.size(), end_ - at_);
    if (count == 0) return count;
    TUTTI_TRY(file_->read_at(at_, out.first(count)));
    at_ += count;
    return count;
  }

  uint64_t at() const { return at_; }

 private:
  std::unique_ptr<ReadableFile> file_;
  uint64_t at_;
  uint64_t end_;
};

// Zstandard frames, one after the other. The library refuses a window above 128 MiB, which bounds
// what a hostile header can make it allocate.
class ZstdSource : public ByteSource {
 public:
  ZstdSource(std::string path, FileSource file)
      : path_(std::move(path)), file_(std::move(file)), input_(ZSTD_DStreamInSize()) {
    TUTTI_CHECK(stream_ != nullptr, "out of memory");
  }

  Result<size_t> read(std::span<char> out) override {
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    while (output.pos == 0 && !out.empty()) {
      if (pending_.pos == pending_.size && !flushing_) {
        TUTTI_ASSIGN(const size_t count, file_.read(input_));
        pending_ = {input_.data(), count, 0};
        if (count == 0) break;
      }
      const size_t input_before = pending_.pos;
      const size_t hint = ZSTD_decompressStream(stream_.get(), &output, &pending_);
      if (ZSTD_isError(hint)) {
        return corrupt("{}: zstd: {} in the block that ends at byte {}", path_,
                       ZSTD_getErrorName(hint), file_.at() - (pending_.size - pending_.pos));
      }
      // At the end of a frame a call that does nothing asks for the header of another one.
      if (pending_.pos > input_before || output.pos > 0) in_frame_ = hint != 0;
      flushing_ = output.pos == output.size;  // more may wait inside the stream
    }
    if (output.pos == 0 && in_frame_) {
      return corrupt("{}: zstd: cut off at byte {}, within a frame", path_, file_.at());
    }
    return output.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::string path_;
  FileSource file_;
  std::unique_ptr<ZSTD_DStream, Free> stream_{ZSTD_createDStream()};
  std::vector<char> input_;
  ZSTD_inBuffer pending_{nullptr, 0, 0};
  bool in_frame_ = false;
  bool flushing_ = false;
};

}  // namespace

bool is_compressed(const std::string& path) { return path.ends_with(".zst"); }

Status skip_bytes(ByteSource& source, uint64_t bytes) {
  std::vector<char> buffer(std::min<uint64_t>(bytes, 1 << 20));
  while (bytes > 0) {
    const auto part = std::span(buffer).first(std::min<uint64_t>(bytes, buffer.size()));
    TUTTI_ASSIGN(const size_t count, source.read(part));
    if (count == 0) break;
    bytes -= count;
  }
  return Status();
}

Result<std::unique_ptr<ByteSource>> open_byte_source(FileSystem& fs, const std::string& path,
                                                     uint64_t begin, uint64_t end) {
  TUTTI_ASSIGN(auto file, fs.open(path));
  const uint64_t size = file->size();
  TUTTI_CHECK(!is_compressed(path) || (begin == 0 && end == UINT64_MAX), "range of {}", path);
  FileSource source(std::move(file), std::min(begin, size), std::min(end, size));
  if (!is_compressed(path)) {
    return std::unique_ptr<ByteSource>(std::make_unique<FileSource>(std::move(source)));
  }
  return std::unique_ptr<ByteSource>(std::make_unique<ZstdSource>(path, std::move(source)));
}

}  // namespace tutti
