// The documents of a corpus, one after the other, in bounded memory. Used by one thread at a time.
//
// A long text document comes in pieces. They are cut where the pre-tokenizers of all usual models
// cut too (see text_pieces.h): the tokens of the pieces are then those of the whole.
//
// A stream gives pieces raw, as their bytes lie in the file, and decode_piece makes text of them:
// the first is quick and in order, the second is what several threads can do at once. A stream can
// be left at any piece and gone on with from its position().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "data/corpus_files.h"

namespace tutti {

// What becomes of bytes that are not UTF-8.
enum class InvalidUtf8 { kError, kReplace };  // kReplace: by U+FFFD, see base/utf8.h

Result<InvalidUtf8> parse_invalid_utf8(std::string_view name);  // "error" or "replace"
std::string_view invalid_utf8_name(InvalidUtf8 choice);

struct DocumentOptions {
  DocumentFormat format = DocumentFormat::kAuto;
  std::string json_field = "text";               // of a JSON line, the string that is the document
  size_t piece_bytes = size_t{1} << 20;          // of text
  size_t document_bytes_max = size_t{64} << 20;  // of a JSON line or a POD file
  InvalidUtf8 invalid_utf8 = InvalidUtf8::kError;
  bool spaces_first = false;  // where pieces are cut: see text_pieces.h
};

struct DocumentPiece {
  std::string text;                // valid UTF-8 once it is decoded
  size_t file = 0;                 // index into the stream's files
  uint64_t line = 1;               // of the file, where the piece begins
  uint64_t offset = 0;             // in the file (decompressed), where it begins
  bool first = true, last = true;  // of its document
};

// Up to where a file was read.
struct ReaderPosition {
  uint64_t offset = 0;  // decompressed
  uint64_t line = 1;
  friend bool operator==(const ReaderPosition&, const ReaderPosition&) = default;
};

// Reads one file. An error names the file and the byte offset in it (decompressed).
class DocumentReader {
 public:
  explicit DocumentReader(ReaderPosition start) : at_(start) {}
  virtual ~DocumentReader() = default;
  // Fills text (raw), line, offset, first and last; false at the end of the file.
  virtual Result<bool> next(DocumentPiece& piece) = 0;
  // Where the next piece is looked for.
  const ReaderPosition& position() const { return at_; }

 protected:
  ReaderPosition at_;
};

// `start` is the beginning or a position() of a reader of the same file.
Result<std::unique_ptr<DocumentReader>> open_document_reader(FileSystem& fs, const CorpusFile& file,
                                                             const DocumentOptions& options,
                                                             ReaderPosition start = {});

// Raw bytes → UTF-8 without a byte order mark, still in the file's format. Thread-safe.
Status decode_bytes(const CorpusFile& file, const DocumentOptions& options, DocumentPiece& piece);

// Raw bytes → text, which may be empty: then there is no document. Of a chat example (format kChat)
// the text is what was said. Errors name file, line or offset. Thread-safe.
Status decode_piece(const CorpusFile& file, const DocumentOptions& options, DocumentPiece& piece);

struct StreamPosition {
  size_t file = 0;  // files().size(): the end
  ReaderPosition in_file;
  friend bool operator==(const StreamPosition&, const StreamPosition&) = default;
};

class DocumentStream {
 public:
  // `fs` must outlive this object.
  DocumentStream(FileSystem& fs, std::vector<CorpusFile> files, DocumentOptions options,
                 StreamPosition start = {});

  // The next piece as it lies in its file; false at the end of the last file.
  Result<bool> next_raw(DocumentPiece& piece);
  // The next piece that has text; false at the end. A file that holds no document is an error.
  Result<bool> next(DocumentPiece& piece);
  // Appends pieces by next() until they hold `bytes` or the stream ends; none appended: the end.
  Status next_batch(size_t bytes, std::vector<DocumentPiece>& pieces);

  StreamPosition position() const;
  const std::vector<CorpusFile>& files() const { return files_; }

 private:
  FileSystem& fs_;
  std::vector<CorpusFile> files_;
  DocumentOptions options_;
  size_t file_;
  ReaderPosition start_;  // in that file, of the next reader
  std::unique_ptr<DocumentReader> reader_;
  size_t first_without_text_ = 0;  // of the files, as far as next() knows
};

}  // namespace tutti
