#include "data/pod_reader.h"

#include "data/pod.h"
#include "data/text_reader.h"

namespace tutti {
namespace {

class PodReader : public DocumentReader {
 public:
  PodReader(std::unique_ptr<ByteSource> source, std::string path, size_t bytes_max)
      : source_(std::move(source)), path_(std::move(path)), bytes_max_(bytes_max) {}

  Result<bool> next(DocumentPiece& piece) override {
    if (done_) return false;
    done_ = true;
    TUTTI_ASSIGN(const std::string pod, read_all(*source_, path_, bytes_max_));
    TUTTI_TRY(check_utf8(pod, path_, 0));
    piece.text = pod_to_text(skip_byte_order_mark(pod));
    piece.line = 1;
    piece.last = true;
    return !piece.text.empty();
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string path_;
  size_t bytes_max_;
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<DocumentReader>> make_pod_reader(std::unique_ptr<ByteSource> source,
                                                        const std::string& path,
                                                        const DocumentOptions& options) {
  return std::unique_ptr<DocumentReader>(
      std::make_unique<PodReader>(std::move(source), path, options.document_bytes_max));
}

}  // namespace tutti
