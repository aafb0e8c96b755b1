#include "data/pod_reader.h"

#include "data/text_reader.h"

namespace tutti {
namespace {

class PodReader : public DocumentReader {
 public:
  PodReader(std::unique_ptr<ByteSource> source, std::string path, size_t bytes_max,
            ReaderPosition start)
      : DocumentReader(start),
        source_(std::move(source)),
        path_(std::move(path)),
        bytes_max_(bytes_max) {}

  Result<bool> next(DocumentPiece& piece) override {
    if (at_.offset > 0) return false;  // the whole file is one piece
    TUTTI_ASSIGN(piece.text, read_all(*source_, path_, bytes_max_));
    piece.line = 1;
    piece.offset = 0;
    piece.first = piece.last = true;
    at_.offset = piece.text.size();
    return !piece.text.empty();
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string path_;
  size_t bytes_max_;
};

}  // namespace

Result<std::unique_ptr<DocumentReader>> make_pod_reader(std::unique_ptr<ByteSource> source,
                                                        const std::string& path,
                                                        const DocumentOptions& options,
                                                        ReaderPosition start) {
  return std::unique_ptr<DocumentReader>(
      std::make_unique<PodReader>(std::move(source), path, options.document_bytes_max, start));
}

}  // namespace tutti
