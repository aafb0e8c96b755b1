#include "data/document_stream.h"

#include "data/json_lines_reader.h"
#include "data/pod_reader.h"
#include "data/text_reader.h"

namespace tutti {

Result<std::unique_ptr<DocumentReader>> open_document_reader(FileSystem& fs, const CorpusFile& file,
                                                             const DocumentOptions& options) {
  TUTTI_ASSIGN(auto source, open_byte_source(fs, file.path, file.begin, file.end));
  switch (format_of_file(file.path, options.format)) {
    case DocumentFormat::kPod:
      return make_pod_reader(std::move(source), file.path, options);
    case DocumentFormat::kJsonLines:
      return make_json_lines_reader(std::move(source), file.path, options);
    default:
      return make_text_reader(std::move(source), file, options);
  }
}

DocumentStream::DocumentStream(FileSystem& fs, std::vector<CorpusFile> files,
                               DocumentOptions options)
    : fs_(fs), files_(std::move(files)), options_(std::move(options)) {}

Result<bool> DocumentStream::next(DocumentPiece& piece) {
  while (file_ < files_.size()) {
    if (!reader_) {
      TUTTI_ASSIGN(reader_, open_document_reader(fs_, files_[file_], options_));
      found_any_ = false;
    }
    TUTTI_ASSIGN(const bool found, reader_->next(piece));
    if (found) {
      piece.file = file_;
      found_any_ = true;
      return true;
    }
    if (!found_any_) return corrupt("{}: no text in this file", files_[file_].path);
    reader_.reset();
    ++file_;
  }
  return false;
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

}  // namespace tutti
