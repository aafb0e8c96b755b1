// Any bytes as a corpus file of each format, compressed or not: documents or one error.
#include <cstdint>
#include <string>

#include "base/test_file_system.h"
#include "base/utf8.h"
#include "data/document_stream.h"

namespace {

void read_as(std::string_view bytes, const std::string& path, tutti::DocumentOptions options) {
  tutti::TestFileSystem fs;
  TUTTI_CHECK(tutti::write_file_atomic(fs, path, bytes).ok());
  options.piece_bytes = 64;
  options.document_bytes_max = 2048;
  tutti::DocumentStream stream(fs, {{path, path, bytes.size()}}, options);
  while (true) {
    tutti::DocumentPiece piece;
    const auto found = stream.next(piece);
    if (!found.ok() || !*found) return;
    TUTTI_CHECK(tutti::is_utf8(piece.text));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const char* path : {"/a.txt", "/a.jsonl", "/a.pod", "/a.txt.zst", "/a.jsonl.zst"}) {
    read_as(bytes, path, {});
    read_as(bytes, path, {.invalid_utf8 = tutti::InvalidUtf8::kReplace, .spaces_first = true});
  }
  read_as(bytes, "/a.jsonl", {.format = tutti::DocumentFormat::kChat});
  return 0;
}
