#include "data/indexed_dataset.h"

#include <cstring>

#include "data/indexed_format.h"

namespace tutti {
namespace {

// The arrays behind the header; the file is read in place, unaligned.
struct Index {
  TokenType type = TokenType::kUint16;
  uint64_t sequences = 0;
  uint64_t documents = 0;  // entries, one more than there are documents
  std::span<const char> bytes;

  int64_t size(uint64_t i) const { return read<int32_t>(kIndexHeaderBytes + 4 * i); }
  int64_t pointer(uint64_t i) const {
    return read<int64_t>(kIndexHeaderBytes + 4 * sequences + 8 * i);
  }
  int64_t document(uint64_t i) const {
    return read<int64_t>(kIndexHeaderBytes + 12 * sequences + 8 * i);
  }
  template <typename T>
  T read(uint64_t offset) const {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(value));
    return value;
  }
};

Result<Index> read_header(std::span<const char> bytes, const std::string& path) {
  Index index;
  index.bytes = bytes;
  if (bytes.size() < kIndexHeaderBytes) {
    return corrupt("{}: {} bytes, the header alone has {}", path, bytes.size(), kIndexHeaderBytes);
  }
  if (std::memcmp(bytes.data(), kIndexMagic.data(), kIndexMagic.size()) != 0) {
    return corrupt("{}: no Megatron index: the magic at byte 0 is not MMIDIDX", path);
  }
  const auto version = index.read<uint64_t>(9);
  if (version != kIndexVersion) {
    return corrupt("{}: version {} at byte 9, expected {}", path, version, kIndexVersion);
  }
  const auto code = index.read<uint8_t>(17);
  if (code != kCodeUint16 && code != kCodeInt32) {
    return corrupt("{}: dtype code {} at byte 17, expected {} (uint16) or {} (int32)", path, code,
                   kCodeUint16, kCodeInt32);
  }
  index.type = code == kCodeUint16 ? TokenType::kUint16 : TokenType::kInt32;
  index.sequences = index.read<uint64_t>(18);
  index.documents = index.read<uint64_t>(26);
  const uint64_t left = bytes.size() - kIndexHeaderBytes;
  // Each count is bounded by the file before they are multiplied.
  if (index.sequences > left / 12 || index.documents > left / 8 ||
      12 * index.sequences + 8 * index.documents != left) {
    return corrupt(
        "{}: {} sequences and {} document entries do not fill the {} bytes after the header", path,
        index.sequences, index.documents, left);
  }
  return index;
}

// Where each sequence ends, in tokens.
Result<std::vector<int64_t>> read_sequence_ends(const Index& index, uint64_t bin_bytes,
                                                const std::string& path) {
  std::vector<int64_t> ends;
  ends.reserve(index.sequences);
  const auto width = static_cast<int64_t>(token_bytes(index.type));
  int64_t tokens = 0;
  for (uint64_t i = 0; i < index.sequences; ++i) {
    if (index.size(i) < 0) return corrupt("{}: sequence {} has {} tokens", path, i, index.size(i));
    if (index.pointer(i) != tokens * width) {
      return corrupt(
          "{}: sequence {} is at byte {} of the .bin, expected {} where the one before ends", path,
          i, index.pointer(i), tokens * width);
    }
    tokens += index.size(i);
    ends.push_back(tokens);
    if (static_cast<uint64_t>(tokens) > bin_bytes / width) {
      return corrupt("{}: sequence {} ends at byte {}, but the .bin has {} bytes", path, i,
                     tokens * width, bin_bytes);
    }
  }
  if (static_cast<uint64_t>(tokens * width) != bin_bytes) {
    return corrupt("{}: the sequences end at byte {}, but the .bin has {} bytes", path,
                   tokens * width, bin_bytes);
  }
  return ends;
}

Result<std::vector<int64_t>> read_document_ends(const Index& index, const std::string& path,
                                                const std::vector<int64_t>& sequence_ends) {
  std::vector<int64_t> ends;
  const auto sequences = static_cast<int64_t>(index.sequences);
  if (index.documents == 0 || index.document(0) != 0 ||
      index.document(index.documents - 1) != sequences) {
    return corrupt("{}: the document entries do not span sequences 0 to {}", path, sequences);
  }
  ends.reserve(index.documents - 1);
  for (uint64_t i = 1; i < index.documents; ++i) {
    const int64_t first = index.document(i);
    if (first < index.document(i - 1) || first > sequences) {
      return corrupt("{}: document {} begins at sequence {}, after {} and of {}", path, i, first,
                     index.document(i - 1), sequences);
    }
    ends.push_back(first == 0 ? 0 : sequence_ends[first - 1]);
  }
  return ends;
}

}  // namespace

std::string bin_path(const std::string& prefix) { return prefix + ".bin"; }
std::string idx_path(const std::string& prefix) { return prefix + ".idx"; }
std::string mask_path(const std::string& prefix) { return prefix + ".mask"; }

Result<IndexedDataset> IndexedDataset::open(FileSystem& fs, const std::string& prefix,
                                            int64_t vocab_size) {
  const std::string path = idx_path(prefix);
  TUTTI_ASSIGN(const auto index_file, fs.map(path));
  TUTTI_ASSIGN(const Index index, read_header(index_file->bytes(), path));
  TUTTI_ASSIGN(auto bin, fs.map(bin_path(prefix)));
  TUTTI_ASSIGN(const auto sequence_ends, read_sequence_ends(index, bin->bytes().size(), path));
  TUTTI_ASSIGN(auto document_ends, read_document_ends(index, path, sequence_ends));
  IndexedDataset dataset(TokenArray(std::move(bin), 0, index.type));
  dataset.document_ends_ = std::move(document_ends);
  if (vocab_size > 0) TUTTI_TRY(dataset.tokens_.check_below(vocab_size, bin_path(prefix)));
  return dataset;
}

}  // namespace tutti
