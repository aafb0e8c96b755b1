// The safetensors file format (docs/formats/checkpoint.md): reading with every claim of the header
// checked before it is believed. Writing is in safetensors_writer.h.
//
// A file is 8 bytes (little-endian length of the header), the header (JSON: name -> dtype, shape,
// data_offsets) and the data. Tensors are dense, row-major, little-endian, without gaps.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/digest.h"
#include "base/fs.h"
#include "base/status.h"
#include "tensor/shape.h"

namespace tutti {

inline constexpr uint64_t kSafetensorsHeaderBytesMax = 100'000'000;

struct SafetensorsTensor {
  std::string name;
  DType dtype = DType::kF32;
  std::string foreign_dtype = {};  // "BOOL": published, but none of ours; `dtype` says nothing then
  Sizes sizes = {};
  uint64_t offset = 0;  // of its first byte, from the start of the data
  uint64_t bytes = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsTensor> tensors;  // in the order of their data
  std::map<std::string, std::string> metadata;
};

// Which dtypes of the published format a header may have: only those of DType, or others too, for
// files where what is needed is to be told from what is not.
enum class SafetensorsDTypes { kOurs, kPublished };

// Parses the JSON of a header and proves that it describes `data_bytes` bytes exactly: known
// dtypes, shapes that match their byte ranges, no overlap, no gap, no name twice. `path` names the
// file in errors (kCorrupt).
Result<SafetensorsHeader> parse_safetensors_header(std::string_view json, uint64_t data_bytes,
                                                   std::string_view path,
                                                   SafetensorsDTypes dtypes = SafetensorsDTypes::kOurs);

// An open file. Movable; `read` is not thread-safe, the rest is.
class SafetensorsReader {
 public:
  // For reading slices with `read`.
  static Result<SafetensorsReader> open(FileSystem& fs, const std::string& path);
  // For `bytes` too: the file is mapped, and its bytes live as long as the reader.
  static Result<SafetensorsReader> map(FileSystem& fs, const std::string& path,
                                       SafetensorsDTypes dtypes = SafetensorsDTypes::kOurs);

  const std::string& path() const { return path_; }
  const SafetensorsHeader& header() const { return header_; }
  const std::vector<SafetensorsTensor>& tensors() const { return header_.tensors; }
  uint64_t file_bytes() const { return data_start_ + data_bytes_; }
  // Of all that precedes the data.
  const Digest& header_digest() const { return header_digest_; }

  // nullptr when there is none of this name.
  const SafetensorsTensor* find(const std::string& name) const;
  // Fills `out` from byte `offset` of the tensor. Requires offset + out.size() <= tensor.bytes.
  Status read(const SafetensorsTensor& tensor, uint64_t offset, std::span<char> out);
  // All of the tensor. Requires a reader made by `map`.
  std::span<const char> bytes(const SafetensorsTensor& tensor) const;

 private:
  SafetensorsReader() = default;
  Status index_header(std::string_view prefix_and_header,
                      SafetensorsDTypes dtypes = SafetensorsDTypes::kOurs);

  std::string path_;
  std::unique_ptr<ReadableFile> file_;  // one of these two
  std::unique_ptr<MappedFile> mapping_;
  SafetensorsHeader header_;
  std::unordered_map<std::string, size_t> by_name_;
  Digest header_digest_;
  uint64_t data_start_ = 0;
  uint64_t data_bytes_ = 0;
};

}  // namespace tutti
