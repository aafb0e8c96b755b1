#include "data/document_stream.h"

#include "base/utf8.h"
#include "data/chat_example.h"
#include "data/json_field.h"
#include "data/json_lines_reader.h"
#include "data/pod.h"
#include "data/pod_reader.h"
#include "data/text_reader.h"

namespace tutti {
namespace {

constexpr std::string_view kInvalidUtf8Names[] = {"error", "replace"};

void drop_byte_order_mark(DocumentPiece& piece) {
  const size_t bytes = piece.text.size() - skip_byte_order_mark(piece.text).size();
  piece.text.erase(0, bytes);
  piece.offset += bytes;
}

}  // namespace

Result<InvalidUtf8> parse_invalid_utf8(std::string_view name) {
  for (size_t i = 0; i < std::size(kInvalidUtf8Names); ++i) {
    if (kInvalidUtf8Names[i] == name) return static_cast<InvalidUtf8>(i);
  }
  return invalid("invalid_utf8 '{}': expected error or replace", name);
}

std::string_view invalid_utf8_name(InvalidUtf8 choice) {
  return kInvalidUtf8Names[static_cast<size_t>(choice)];
}

Result<std::unique_ptr<DocumentReader>> open_document_reader(FileSystem& fs, const CorpusFile& file,
                                                             const DocumentOptions& options,
                                                             ReaderPosition start) {
  if (start.offset < file.begin) start = {file.begin, file.begin_line};
  std::unique_ptr<ByteSource> source;
  if (is_compressed(file.path)) {
    TUTTI_ASSIGN(source, open_byte_source(fs, file.path));
    TUTTI_TRY(skip_bytes(*source, start.offset));
  } else {
    TUTTI_ASSIGN(source, open_byte_source(fs, file.path, start.offset, file.end));
  }
  switch (format_of_file(file.path, options.format)) {
    case DocumentFormat::kPod:
      return make_pod_reader(std::move(source), file.path, options, start);
    case DocumentFormat::kJsonLines:
    case DocumentFormat::kChat:
      return make_json_lines_reader(std::move(source), file.path, options, start);
    default:
      return make_text_reader(std::move(source), options, start, file.begin);
  }
}

Status decode_bytes(const CorpusFile& file, const DocumentOptions& options, DocumentPiece& piece) {
  if (options.invalid_utf8 == InvalidUtf8::kReplace) {
    piece.text = replace_invalid_utf8(piece.text);
  } else {
    TUTTI_TRY(check_utf8(piece.text, file.path, piece.offset));
  }
  if (piece.offset == 0) drop_byte_order_mark(piece);
  return Status();
}

Status decode_piece(const CorpusFile& file, const DocumentOptions& options, DocumentPiece& piece) {
  TUTTI_TRY(decode_bytes(file, options, piece));
  const JsonPlace place = {file.path, piece.line, piece.offset};
  switch (format_of_file(file.path, options.format)) {
    case DocumentFormat::kPod:
      piece.text = pod_to_text(piece.text);
      break;
    case DocumentFormat::kJsonLines: {
      TUTTI_ASSIGN(piece.text, read_json_field(piece.text, options.json_field, place));
      break;
    }
    case DocumentFormat::kChat: {
      TUTTI_ASSIGN(const ChatExample example, parse_chat_example(piece.text, place));
      piece.text = chat_text(example);
      break;
    }
    default:
      break;
  }
  return Status();
}

DocumentStream::DocumentStream(FileSystem& fs, std::vector<CorpusFile> files,
                               DocumentOptions options, StreamPosition start)
    : fs_(fs),
      files_(std::move(files)),
      options_(std::move(options)),
      file_(start.file),
      start_(start.in_file),
      first_without_text_(start.file) {}

Result<bool> DocumentStream::next_raw(DocumentPiece& piece) {
  while (file_ < files_.size()) {
    if (!reader_) {
      TUTTI_ASSIGN(reader_, open_document_reader(fs_, files_[file_], options_, start_));
    }
    TUTTI_ASSIGN(const bool found, reader_->next(piece));
    if (found) {
      piece.file = file_;
      return true;
    }
    reader_.reset();
    start_ = {};
    ++file_;
  }
  return false;
}

Result<bool> DocumentStream::next(DocumentPiece& piece) {
  while (true) {
    TUTTI_ASSIGN(const bool found, next_raw(piece));
    const size_t file = found ? piece.file : files_.size();
    if (file > first_without_text_) {
      return corrupt("{}: no text in this file", files_[first_without_text_].path);
    }
    if (!found) return false;
    TUTTI_TRY(decode_piece(files_[piece.file], options_, piece));
    if (piece.text.empty()) continue;
    first_without_text_ = piece.file + 1;
    return true;
  }
}

Status DocumentStream::next_batch(size_t bytes, std::vector<DocumentPiece>& pieces) {
  for (size_t have = 0; have < bytes;) {
    DocumentPiece piece;
    TUTTI_ASSIGN(const bool found, next(piece));
    if (!found) break;
    have += piece.text.size() + sizeof(piece);
    pieces.push_back(std::move(piece));
  }
  return Status();
}

StreamPosition DocumentStream::position() const {
  return {file_, reader_ ? reader_->position() : start_};
}

}  // namespace tutti
