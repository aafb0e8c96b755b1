#include "checkpoint/safetensors_writer.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/json.h"
#include "checkpoint/box.h"

namespace tutti {

namespace {

constexpr uint64_t kAlignment = 8;
// Digest and write touch the same bytes one after the other: in pieces that stay in the cache.
constexpr size_t kPieceBytes = 1 << 20;

Result<uint64_t> declared_bytes(const SafetensorsDeclaration& tensor) {
  const Result<int64_t> count = checked_element_count(tensor.sizes, tensor.dtype);
  if (!count.ok()) return invalid("tensor \"{}\": {}", tensor.name, count.message());
  return static_cast<uint64_t>(count.value()) * dtype_bytes(tensor.dtype);
}

}  // namespace

Result<std::string> build_safetensors_header(const std::vector<SafetensorsDeclaration>& tensors,
                                             const std::map<std::string, std::string>& metadata) {
  std::string json = "{";
  if (!metadata.empty()) {
    json += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      TUTTI_ASSIGN(const std::string quoted_key, json_quoted(key));
      TUTTI_ASSIGN(const std::string quoted_value, json_quoted(value));
      if (json.back() != '{') json += ',';
      json += quoted_key + ":" + quoted_value;
    }
    json += "}";
  }
  std::set<std::string_view> names = {"__metadata__"};
  uint64_t offset = 0;
  for (const SafetensorsDeclaration& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      return invalid("tensor \"{}\": the name is taken", tensor.name);
    }
    TUTTI_ASSIGN(const std::string name, json_quoted(tensor.name));
    TUTTI_ASSIGN(const uint64_t bytes, declared_bytes(tensor));
    if (bytes > INT64_MAX - offset) return invalid("tensor {}: the file would overflow", name);
    if (json.back() != '{') json += ',';
    json += fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}", name,
                        dtype_info(tensor.dtype).safetensors, fmt::join(tensor.sizes, ","), offset,
                        offset + bytes);
    offset += bytes;
  }
  json += "}";
  json.append((kAlignment - json.size() % kAlignment) % kAlignment, ' ');
  const uint64_t length = json.size();
  std::string header(sizeof(length), '\0');
  std::memcpy(header.data(), &length, sizeof(length));
  return header + json;
}

Result<SafetensorsWriter> SafetensorsWriter::create(
    FileSystem& fs, const std::string& path, const std::vector<SafetensorsDeclaration>& tensors,
    const std::map<std::string, std::string>& metadata) {
  SafetensorsWriter writer;
  writer.path_ = path;
  TUTTI_ASSIGN(const std::string header, build_safetensors_header(tensors, metadata));
  for (const SafetensorsDeclaration& tensor : tensors) {
    writer.tensor_bytes_.push_back(declared_bytes(tensor).value());
    writer.summary_.file_bytes += writer.tensor_bytes_.back();
  }
  TUTTI_ASSIGN(writer.file_, fs.create(path));
  TUTTI_TRY(writer.file_->append(header));
  writer.summary_.file_bytes += header.size();
  writer.summary_.header_digest = digest_of(std::string_view(header));
  writer.close_full_tensors();
  return writer;
}

Status SafetensorsWriter::append(std::span<const char> piece) {
  if (piece.empty()) return {};
  const size_t open = summary_.tensor_digests.size();
  TUTTI_CHECK(open < tensor_bytes_.size() && piece.size() <= tensor_bytes_[open] - written_,
              "{}: {} bytes do not fit in tensor {} of {}", path_, piece.size(), open,
              tensor_bytes_.size());
  while (!piece.empty()) {
    const auto part = piece.first(std::min(piece.size(), kPieceBytes));
    const std::string_view bytes(part.data(), part.size());
    digester_.update(bytes);
    TUTTI_TRY(file_->append(bytes));
    written_ += part.size();
    piece = piece.subspan(part.size());
  }
  close_full_tensors();
  return {};
}

// Ends the open tensor when it is complete, and those without elements that follow.
void SafetensorsWriter::close_full_tensors() {
  while (summary_.tensor_digests.size() < tensor_bytes_.size() &&
         written_ == tensor_bytes_[summary_.tensor_digests.size()]) {
    summary_.tensor_digests.push_back(digester_.digest());
    digester_ = Digester();
    written_ = 0;
  }
}

Result<SafetensorsSummary> SafetensorsWriter::finish() {
  TUTTI_CHECK(summary_.tensor_digests.size() == tensor_bytes_.size(),
              "{}: {} of {} tensors are complete", path_, summary_.tensor_digests.size(),
              tensor_bytes_.size());
  TUTTI_TRY(file_->sync());
  TUTTI_TRY(file_->close());
  return std::move(summary_);
}

}  // namespace tutti
