// Writes a safetensors file as a stream: the header first, then the bytes of each tensor in the
// order declared, from wherever they lie, without a second copy. The same tensors give the same
// bytes. Not thread-safe.
//
//   TUTTI_ASSIGN(auto writer, SafetensorsWriter::create(fs, path, tensors, {}));
//   for (...) TUTTI_TRY(writer.append(bytes));
//   TUTTI_ASSIGN(SafetensorsSummary summary, writer.finish());
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/fs.h"
#include "base/status.h"
#include "tensor/shape.h"

namespace tutti {

struct SafetensorsDeclaration {
  std::string name;
  DType dtype = DType::kF32;
  Sizes sizes;
};

struct SafetensorsSummary {
  uint64_t file_bytes = 0;
  Digest header_digest;                // of all that precedes the data
  std::vector<Digest> tensor_digests;  // in the order declared
};

// What precedes the data: length and JSON, padded with spaces to a multiple of 8 bytes.
// kInvalidArgument: a name twice, reserved or not UTF-8; a size that is negative or overflows.
Result<std::string> build_safetensors_header(const std::vector<SafetensorsDeclaration>& tensors,
                                             const std::map<std::string, std::string>& metadata);

class SafetensorsWriter {
 public:
  // Creates (or truncates) the file and writes its header.
  static Result<SafetensorsWriter> create(FileSystem& fs, const std::string& path,
                                          const std::vector<SafetensorsDeclaration>& tensors,
                                          const std::map<std::string, std::string>& metadata);

  // The next bytes of the data. A tensor may come in pieces, but no piece spans two tensors.
  Status append(std::span<const char> piece);

  // Syncs and closes. Requires that every tensor is complete. No call may follow.
  Result<SafetensorsSummary> finish();

 private:
  SafetensorsWriter() = default;
  void close_full_tensors();

  std::string path_;
  std::unique_ptr<WritableFile> file_;
  std::vector<uint64_t> tensor_bytes_;
  uint64_t written_ = 0;  // bytes of the tensor that is open: number tensor_digests.size()
  Digester digester_;     // of these bytes
  SafetensorsSummary summary_;
};

}  // namespace tutti
