// A long array of token ids in a file, mapped read-only: Megatron's .bin, llm.c's and nanoGPT's.
// Immutable and thread-safe; owns the mapping.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/fs.h"
#include "base/status.h"

namespace tutti {

enum class TokenType { kUint16, kInt32 };  // on disk, little endian

inline uint64_t token_bytes(TokenType type) { return type == TokenType::kUint16 ? 2 : 4; }
// The narrowest type for a vocabulary, as Megatron-LM chooses it.
inline TokenType token_type_for(int64_t vocab_size) {
  return vocab_size < 65500 ? TokenType::kUint16 : TokenType::kInt32;
}

class TokenArray {
 public:
  // The tokens from byte `offset` of `file` to its end. Requires offset <= size.
  TokenArray(std::unique_ptr<MappedFile> file, uint64_t offset, TokenType type);

  int64_t size() const { return size_; }
  TokenType type() const { return type_; }
  // Copies tokens [begin, begin + out.size()). Requires that they exist.
  void read(int64_t begin, std::span<int32_t> out) const;

  // Reads every token once; the first that is not below `vocab_size` is an error that names
  // `path`, its index and its byte offset.
  Status check_below(int64_t vocab_size, const std::string& path) const;

 private:
  std::unique_ptr<MappedFile> file_;
  uint64_t offset_;
  TokenType type_;
  int64_t size_ = 0;
};

// Opens a file of tokens without an index: llm.c's (a header of 256 int32 with magic 20240520 for
// uint16 or 20240801 for 32-bit tokens, version and count) or, without that magic, nanoGPT's (bare
// uint16).
Result<TokenArray> open_token_file(FileSystem& fs, const std::string& path);

}  // namespace tutti
