#include "data/token_array.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

namespace tutti {
namespace {

constexpr size_t kLlmcHeaderWords = 256;
constexpr uint64_t kLlmcHeaderBytes = 4 * kLlmcHeaderWords;
constexpr int64_t kCheckTokens = 1 << 14;

struct LlmcFormat {
  int32_t magic;
  int32_t version;
  TokenType type;
};
constexpr auto kLlmcFormats = std::to_array<LlmcFormat>(
    {{20240520, 1, TokenType::kUint16}, {20240801, 7, TokenType::kInt32}});

using LlmcHeader = std::array<int32_t, kLlmcHeaderWords>;  // magic, version, tokens, zeros

// A known magic; or one that is a date, with a small version and zeros to the end of the header.
bool looks_like_llmc(const LlmcHeader& header) {
  for (const LlmcFormat& format : kLlmcFormats) {
    if (header[0] == format.magic) return true;
  }
  return header[0] > 20230000 && header[0] < 21000000 && header[1] >= 0 && header[1] < 1000 &&
         std::all_of(header.begin() + 3, header.end(), [](int32_t word) { return word == 0; });
}

Result<TokenType> check_llmc_header(const LlmcHeader& header, uint64_t token_file_bytes,
                                    const std::string& path) {
  const auto format = std::find_if(kLlmcFormats.begin(), kLlmcFormats.end(),
                                   [&](const LlmcFormat& f) { return f.magic == header[0]; });
  if (format == kLlmcFormats.end()) {
    return corrupt(
        "{}: magic {} at byte 0, expected llm.c's 20240520 (uint16) or 20240801 (uint32)", path,
        header[0]);
  }
  if (header[1] != format->version) {
    return corrupt("{}: version {} at byte 4, expected {} with magic {}", path, header[1],
                   format->version, format->magic);
  }
  const uint64_t bytes = static_cast<uint64_t>(std::max(header[2], 0)) * token_bytes(format->type);
  if (header[2] < 0 || bytes != token_file_bytes) {
    return corrupt("{}: the header at byte 8 says {} tokens, but {} bytes follow it, expected {}",
                   path, header[2], token_file_bytes, bytes);
  }
  return format->type;
}

}  // namespace

void append_tokens(std::span<const int32_t> ids, TokenType type, std::string& out) {
  const size_t before = out.size();
  out.resize(before + ids.size() * token_bytes(type));
  char* at = out.data() + before;
  if (type == TokenType::kInt32) {
    if (!ids.empty()) std::memcpy(at, ids.data(), ids.size_bytes());
    return;
  }
  for (const int32_t id : ids) {
    TUTTI_CHECK(id >= 0 && id <= UINT16_MAX, "token {}", id);
    const auto value = static_cast<uint16_t>(id);
    std::memcpy(at, &value, sizeof(value));
    at += sizeof(value);
  }
}

void read_tokens(const char* source, TokenType type, std::span<int32_t> out) {
  if (type == TokenType::kInt32) {
    if (!out.empty()) std::memcpy(out.data(), source, out.size_bytes());
    return;
  }
  for (int32_t& token : out) {
    uint16_t value;
    std::memcpy(&value, source, sizeof(value));
    token = value;
    source += sizeof(value);
  }
}

TokenArray::TokenArray(std::unique_ptr<MappedFile> file, uint64_t offset, TokenType type)
    : type_(type) {
  TUTTI_CHECK(offset <= file->bytes().size(), "offset {}", offset);
  size_ = static_cast<int64_t>((file->bytes().size() - offset) / token_bytes(type_));
  parts_.push_back({std::move(file), offset, size_});
}

TokenArray TokenArray::join(std::vector<TokenArray> arrays) {
  TUTTI_CHECK(!arrays.empty());
  TokenArray whole = std::move(arrays.front());
  for (TokenArray& array : std::span(arrays).subspan(1)) {
    TUTTI_CHECK(array.type_ == whole.type_);
    for (Part& part : array.parts_) {
      part.end += whole.size_;
      whole.parts_.push_back(std::move(part));
    }
    whole.size_ += array.size_;
  }
  return whole;
}

void TokenArray::read(int64_t begin, std::span<int32_t> out) const {
  const auto count = static_cast<int64_t>(out.size());
  TUTTI_CHECK(begin >= 0 && count <= size_ && begin <= size_ - count, "tokens [{}, +{}) of {}",
              begin, count, size_);
  auto part = std::upper_bound(parts_.begin(), parts_.end(), begin,
                               [](int64_t at, const Part& p) { return at < p.end; });
  for (; !out.empty(); ++part) {
    const int64_t part_begin = part == parts_.begin() ? 0 : std::prev(part)->end;
    const auto here =
        static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(out.size()), part->end - begin));
    const uint64_t at = part->offset + (begin - part_begin) * token_bytes(type_);
    read_tokens(part->file->bytes().data() + at, type_, out.first(here));
    out = out.subspan(here);
    begin += static_cast<int64_t>(here);
  }
}

Status TokenArray::check_below(int64_t vocab_size, const std::string& path) const {
  TUTTI_CHECK(parts_.size() == 1, "{} files", parts_.size());
  std::vector<int32_t> tokens;
  for (int64_t begin = 0; begin < size_; begin += kCheckTokens) {
    tokens.resize(std::min(kCheckTokens, size_ - begin));
    read(begin, tokens);
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] >= 0 && tokens[i] < vocab_size) continue;
      const int64_t index = begin + static_cast<int64_t>(i);
      return corrupt("{}: token {} at index {} (byte offset {}): the vocabulary has ids 0 to {}",
                     path, tokens[i], index, parts_.front().offset + index * token_bytes(type_),
                     vocab_size - 1);
    }
  }
  return Status();
}

Result<TokenArray> open_token_file(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(auto file, fs.map(path));
  const uint64_t bytes = file->bytes().size();
  LlmcHeader header{};
  if (bytes >= kLlmcHeaderBytes) {
    std::memcpy(header.data(), file->bytes().data(), kLlmcHeaderBytes);
  }
  if (!looks_like_llmc(header)) {
    if (bytes == 0 || bytes % 2 != 0) {
      return corrupt("{}: {} bytes: expected uint16 tokens", path, bytes);
    }
    return TokenArray(std::move(file), 0, TokenType::kUint16);
  }
  TUTTI_ASSIGN(const TokenType type, check_llmc_header(header, bytes - kLlmcHeaderBytes, path));
  return TokenArray(std::move(file), kLlmcHeaderBytes, type);
}

}  // namespace tutti
