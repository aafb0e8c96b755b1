// The documents of a corpus, one after the other, in bounded memory. Used by one thread at a time.
//
// A long text document comes in pieces. They are cut where a line ends and the next begins with a
// letter or the like, where the pre-tokenizers of byte-level models cut too: the tokens of the
// pieces are then those of the whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "data/corpus_files.h"

namespace tutti {

struct DocumentOptions {
  DocumentFormat format = DocumentFormat::kAuto;
  std::string json_field = "text";               // of a JSON line, the string that is the document
  size_t piece_bytes = size_t{1} << 20;          // of text
  size_t document_bytes_max = size_t{64} << 20;  // of a JSON line or a POD file
};

struct DocumentPiece {
  std::string text;   // valid UTF-8
  size_t file = 0;    // index into the stream's files
  uint64_t line = 1;  // of the file, where the piece begins
  bool last = true;   // of its document
};

// Reads one file. An error names the file and the byte offset in it (decompressed).
class DocumentReader {
 public:
  virtual ~DocumentReader() = default;
  // Fills text, line and last; false at the end of the file.
  virtual Result<bool> next(DocumentPiece& piece) = 0;
};

Result<std::unique_ptr<DocumentReader>> open_document_reader(FileSystem& fs, const CorpusFile& file,
                                                             const DocumentOptions& options);

class DocumentStream {
 public:
  // `fs` must outlive this object.
  DocumentStream(FileSystem& fs, std::vector<CorpusFile> files, DocumentOptions options);

  // False at the end of the last file. A file that holds no document is an error.
  Result<bool> next(DocumentPiece& piece);
  // Appends pieces until they hold `bytes` or the stream ends; none appended: the end.
  Status next_batch(size_t bytes, std::vector<DocumentPiece>& pieces);

  const std::vector<CorpusFile>& files() const { return files_; }

 private:
  FileSystem& fs_;
  std::vector<CorpusFile> files_;
  DocumentOptions options_;
  size_t file_ = 0;
  std::unique_ptr<DocumentReader> reader_;
  bool found_any_ = false;  // in the current file
};

}  // namespace tutti
