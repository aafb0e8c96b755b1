#include "data/json_lines_reader.h"

#include <algorithm>

#include "data/json_field.h"
#include "data/text_reader.h"

namespace tutti {
namespace {

constexpr size_t kReadBytes = 1 << 18;

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

class JsonLinesReader : public DocumentReader {
 public:
  JsonLinesReader(std::unique_ptr<ByteSource> source, std::string path, std::string field,
                  size_t line_bytes_max)
      : source_(std::move(source)),
        path_(std::move(path)),
        field_(std::move(field)),
        line_bytes_max_(line_bytes_max) {}

  Result<bool> next(DocumentPiece& piece) override {
    while (true) {
      TUTTI_ASSIGN(const bool found, next_line());
      if (!found) return false;
      if (is_blank(line_)) continue;
      TUTTI_ASSIGN(piece.text, read_json_field(line_, field_, {path_, line_number_, line_offset_}));
      if (piece.text.empty()) continue;  // nothing to learn from
      piece.line = line_number_;
      piece.last = true;
      return true;
    }
  }

 private:
  // Moves to the next line, of which `line_` is a view until the call after.
  Result<bool> next_line() {
    consume(line_bytes_);
    size_t searched = 0;
    while (true) {
      const size_t newline = buffer_.find('\n', begin_ + searched);
      if (newline != std::string::npos) return set_line(newline - begin_, 1);
      searched = buffer_.size() - begin_;
      if (searched > line_bytes_max_) {
        return error(ErrorKind::kResource, "{}:{}: a line of more than {} bytes, from offset {}",
                     path_, line_number_ + 1, line_bytes_max_, offset_);
      }
      TUTTI_ASSIGN(const size_t count, read_more());
      if (count == 0) return searched > 0 ? set_line(searched, 0) : false;
    }
  }

  bool set_line(size_t bytes, size_t newline) {
    line_ = std::string_view(buffer_).substr(begin_, bytes);
    line_offset_ = offset_;
    if (line_offset_ == 0) {
      line_ = skip_byte_order_mark(line_);
      line_offset_ = bytes - line_.size();
    }
    line_bytes_ = bytes + newline;
    ++line_number_;
    return true;
  }

  void consume(size_t bytes) {
    begin_ += bytes;
    offset_ += bytes;
    line_bytes_ = 0;
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
  std::string field_;
  size_t line_bytes_max_;
  std::string buffer_;
  size_t begin_ = 0;     // of what is not yet consumed, in the buffer
  uint64_t offset_ = 0;  // of the same, in the file
  std::string_view line_;
  uint64_t line_offset_ = 0;
  size_t line_bytes_ = 0;  // with its newline
  uint64_t line_number_ = 0;
};

}  // namespace

Result<std::unique_ptr<DocumentReader>> make_json_lines_reader(std::unique_ptr<ByteSource> source,
                                                               const std::string& path,
                                                               const DocumentOptions& options) {
  return std::unique_ptr<DocumentReader>(std::make_unique<JsonLinesReader>(
      std::move(source), path, options.json_field, options.document_bytes_max));
}

}  // namespace tutti
