#include "data/text_reader.h"

#include <algorithm>

#include "base/utf8.h"
#include "data/text_pieces.h"

namespace tutti {
namespace {

class TextReader : public DocumentReader {
 public:
  TextReader(std::unique_ptr<ByteSource> source, const DocumentOptions& options,
             ReaderPosition start, uint64_t document_begin)
      : DocumentReader(start),
        source_(std::move(source)),
        piece_bytes_(options.piece_bytes),
        spaces_first_(options.spaces_first),
        document_begin_(document_begin) {}

  Result<bool> next(DocumentPiece& piece) override {
    if (done_) return false;
    TUTTI_TRY(fill());
    done_ = buffer_.size() <= piece_bytes_;
    const size_t cut =
        done_ ? buffer_.size() : find_piece_cut(buffer_, piece_bytes_, spaces_first_);
    piece.text.assign(buffer_, 0, cut);
    piece.line = at_.line;
    piece.offset = at_.offset;
    piece.first = at_.offset == document_begin_;
    piece.last = done_;
    at_.line += std::count(piece.text.begin(), piece.text.end(), '\n');
    at_.offset += cut;
    buffer_.erase(0, cut);
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
  size_t piece_bytes_;
  bool spaces_first_;
  uint64_t document_begin_;
  std::string buffer_;  // from position() on
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<DocumentReader>> make_text_reader(std::unique_ptr<ByteSource> source,
                                                         const DocumentOptions& options,
                                                         ReaderPosition start,
                                                         uint64_t document_begin) {
  TUTTI_CHECK(options.piece_bytes > 4, "pieces of {} bytes", options.piece_bytes);
  return std::unique_ptr<DocumentReader>(
      std::make_unique<TextReader>(std::move(source), options, start, document_begin));
}

Result<std::string> read_all(ByteSource& source, const std::string& path, size_t bytes_max) {
  std::string text;
  size_t have = 0;
  while (true) {
    if (have > bytes_max) {
      return corrupt("{}: a document of more than {} bytes", path, bytes_max);
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
