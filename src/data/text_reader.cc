#include "data/text_reader.h"

#include <algorithm>

#include "base/utf8.h"
#include "data/code_points.h"

namespace tutti {
namespace {

bool is_printing_ascii(char c) { return c > ' ' && c < 0x7F; }

class TextReader : public DocumentReader {
 public:
  TextReader(std::unique_ptr<ByteSource> source, const CorpusFile& file, size_t piece_bytes)
      : source_(std::move(source)),
        path_(file.path),
        piece_bytes_(piece_bytes),
        offset_(file.begin) {}

  Result<bool> next(DocumentPiece& piece) override {
    if (done_) return false;
    TUTTI_TRY(fill());
    const bool last = buffer_.size() <= piece_bytes_;
    const size_t count = last ? buffer_.size() : find_piece_end(buffer_, piece_bytes_);
    piece.text.assign(buffer_, 0, count);
    TUTTI_TRY(check_utf8(piece.text, path_, offset_));
    if (offset_ == 0) piece.text = skip_byte_order_mark(piece.text);
    piece.line = line_;
    piece.last = done_ = last;
    line_ += std::count(piece.text.begin(), piece.text.end(), '\n');
    offset_ += count;
    buffer_.erase(0, count);
    return !piece.text.empty();
  }

 private:
  // Reads until the buffer holds more than a piece, or all that is left.
  Status fill() {
    while (buffer_.size() <= piece_bytes_) {
      const size_t before = buffer_.size();
      buffer_.resize(piece_bytes_ + piece_bytes_ / 2 + 1);
      TUTTI_ASSIGN(const size_t count, source_->read(std::span(buffer_).subspan(before)));
      buffer_.resize(before + count);
      if (count == 0) break;
    }
    return Status();
  }

  std::unique_ptr<ByteSource> source_;
  std::string path_;
  size_t piece_bytes_;
  std::string buffer_;
  uint64_t offset_;  // of the buffer, in the file
  uint64_t line_ = 1;
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<DocumentReader>> make_text_reader(std::unique_ptr<ByteSource> source,
                                                         const CorpusFile& file,
                                                         const DocumentOptions& options) {
  TUTTI_CHECK(options.piece_bytes > 4, "pieces of {} bytes", options.piece_bytes);
  return std::unique_ptr<DocumentReader>(
      std::make_unique<TextReader>(std::move(source), file, options.piece_bytes));
}

size_t find_piece_end(std::string_view text, size_t bytes) {
  TUTTI_CHECK(bytes > 4 && bytes < text.size(), "{} of {} bytes", bytes, text.size());
  size_t line_end = 0;
  for (size_t at = bytes; at > bytes / 2; --at) {
    if (text[at - 1] != '\n') continue;
    if (is_printing_ascii(text[at - 2]) && is_printing_ascii(text[at])) return at;
    if (line_end == 0) line_end = at;
  }
  if (line_end > 0) return line_end;
  for (size_t at = bytes; at > bytes - 4; --at) {
    if (!is_utf8_continuation(text[at])) return at;
  }
  return bytes;  // not UTF-8, which the caller will find
}

Result<std::string> read_all(ByteSource& source, const std::string& path, size_t bytes_max) {
  std::string text;
  size_t have = 0;
  while (true) {
    if (have > bytes_max) {
      return error(ErrorKind::kResource, "{}: a document of more than {} bytes", path, bytes_max);
    }
    text.resize(std::max<size_t>(2 * have, 1 << 16));
    TUTTI_ASSIGN(const size_t count, source.read(std::span(text).subspan(have)));
    have += count;
    if (count == 0) break;
  }
  text.resize(have);
  return text;
}

Status check_utf8(std::string_view text, const std::string& path, uint64_t base) {
  if (const auto at = first_invalid_utf8(text)) {
    return corrupt("{}: not UTF-8: byte {:#04x} at offset {}", path,
                   static_cast<unsigned char>(text[*at]), base + *at);
  }
  return Status();
}

std::string_view skip_byte_order_mark(std::string_view text) {
  return text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
}

}  // namespace tutti
