#include "data/token_array.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace tutti {
namespace {

constexpr uint64_t kLlmcHeaderBytes = 1024;
constexpr int32_t kLlmcMagic16 = 20240520;
constexpr int32_t kLlmcMagic32 = 20240801;
constexpr int64_t kCheckTokens = 1 << 14;

}  // namespace

TokenArray::TokenArray(std::unique_ptr<MappedFile> file, uint64_t offset, TokenType type)
    : file_(std::move(file)), offset_(offset), type_(type) {
  TUTTI_CHECK(offset_ <= file_->bytes().size(), "offset {}", offset_);
  size_ = static_cast<int64_t>((file_->bytes().size() - offset_) / token_bytes(type_));
}

void TokenArray::read(int64_t begin, std::span<int32_t> out) const {
  const auto count = static_cast<int64_t>(out.size());
  TUTTI_CHECK(begin >= 0 && count <= size_ && begin <= size_ - count, "tokens [{}, +{}) of {}",
              begin, count, size_);
  const char* source = file_->bytes().data() + offset_ + begin * token_bytes(type_);
  if (type_ == TokenType::kInt32) {
    if (count > 0) std::memcpy(out.data(), source, out.size_bytes());
    return;
  }
  for (int32_t& token : out) {
    uint16_t value;  // the file may begin at an odd byte
    std::memcpy(&value, source, sizeof(value));
    token = value;
    source += sizeof(value);
  }
}

Status TokenArray::check_below(int64_t vocab_size, const std::string& path) const {
  std::vector<int32_t> tokens;
  for (int64_t begin = 0; begin < size_; begin += kCheckTokens) {
    tokens.resize(std::min(kCheckTokens, size_ - begin));
    read(begin, tokens);
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] >= 0 && tokens[i] < vocab_size) continue;
      const int64_t index = begin + static_cast<int64_t>(i);
      return corrupt("{}: token {} at index {} (byte offset {}): the vocabulary has ids 0 to {}",
                     path, tokens[i], index, offset_ + index * token_bytes(type_), vocab_size - 1);
    }
  }
  return Status();
}

Result<TokenArray> open_token_file(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(auto file, fs.map(path));
  const uint64_t bytes = file->bytes().size();
  std::array<int32_t, 3> header{};
  if (bytes >= kLlmcHeaderBytes) std::memcpy(header.data(), file->bytes().data(), sizeof(header));
  if (header[0] != kLlmcMagic16 && header[0] != kLlmcMagic32) {
    if (bytes == 0 || bytes % 2 != 0) {
      return corrupt("{}: {} bytes: expected uint16 tokens", path, bytes);
    }
    return TokenArray(std::move(file), 0, TokenType::kUint16);
  }
  const TokenType type = header[0] == kLlmcMagic16 ? TokenType::kUint16 : TokenType::kInt32;
  const int64_t expected = static_cast<int64_t>(bytes - kLlmcHeaderBytes) / token_bytes(type);
  if (header[2] != expected || (bytes - kLlmcHeaderBytes) % token_bytes(type) != 0) {
    return corrupt("{}: the header at byte 8 says {} tokens, but {} bytes follow it", path,
                   header[2], bytes - kLlmcHeaderBytes);
  }
  return TokenArray(std::move(file), kLlmcHeaderBytes, type);
}

}  // namespace tutti
