#include "data/json_lines_reader.h"

#include <algorithm>

#include "data/text_reader.h"

namespace tutti {
namespace {

constexpr size_t kReadBytes = 1 << 18;

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

class JsonLinesReader : public DocumentReader {
 public:
  JsonLinesReader(std::unique_ptr<ByteSource> source, std::string path, size_t line_bytes_max,
                  ReaderPosition start)
      : DocumentReader(start),
        source_(std::move(source)),
        path_(std::move(path)),
        line_bytes_max_(line_bytes_max) {}

  Result<bool> next(DocumentPiece& piece) override {
    while (true) {
      std::string_view line;
      TUTTI_ASSIGN(const bool found, next_line(line));
      if (!found) return false;
      const ReaderPosition here = at_;
      at_.offset += bytes_;
      ++at_.line;
      const std::string_view shown = here.offset == 0 ? skip_byte_order_mark(line) : line;
      if (is_blank(shown)) continue;
      piece.text = line;
      piece.line = here.line;
      piece.offset = here.offset;
      piece.first = piece.last = true;
      return true;
    }
  }

 private:
  // The line at position(), a view until the next call; `bytes_` are its own with its newline.
  Result<bool> next_line(std::string_view& line) {
    begin_ += bytes_;
    bytes_ = 0;
    size_t searched = 0;
    while (true) {
      const size_t newline = buffer_.find('\n', begin_ + searched);
      const bool ended = newline != std::string::npos;
      const size_t length = ended ? newline - begin_ : buffer_.size() - begin_;
      if (length > line_bytes_max_) {
        return corrupt("{}:{}: a line of more than {} bytes, from offset {}", path_, at_.line,
                       line_bytes_max_, at_.offset);
      }
      if (!ended) {
        searched = length;
        TUTTI_ASSIGN(const size_t count, read_more());
        if (count > 0) continue;
        if (length == 0) return false;
      }
      line = std::string_view(buffer_).substr(begin_, length);
      bytes_ = length + (ended ? 1 : 0);
      return true;
    }
  }

  Result<size_t> read_more() {
    buffer_.erase(0, begin_);
    begin_ = 0;
    const size_t have = buffer_.size();
    buffer_.resize(have + std::max(kReadBytes, have));
    TUTTI_ASSIGN(const size_t count, source_->read(std::span(buffer_).subspan(have)));
    buffer_.resize(have + count);
    return count;
  }

  std::unique_ptr<ByteSource> source_;
  std::string path_;
  size_t line_bytes_max_;
  std::string buffer_;
  size_t begin_ = 0;  // of what is not yet consumed, in the buffer
  size_t bytes_ = 0;  // of the line given last
};

}  // namespace

Result<std::unique_ptr<DocumentReader>> make_json_lines_reader(std::unique_ptr<ByteSource> source,
                                                               const std::string& path,
                                                               const DocumentOptions& options,
                                                               ReaderPosition start) {
  return std::unique_ptr<DocumentReader>(std::make_unique<JsonLinesReader>(
      std::move(source), path, options.document_bytes_max, start));
}

}  // namespace tutti
