// A long array of token ids in files, mapped read-only: Megatron's .bin, llm.c's and nanoGPT's.
// Immutable and thread-safe; owns the mappings.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"

namespace tutti {

enum class TokenType { kUint16, kInt32 };  // on disk, little endian

inline uint64_t token_bytes(TokenType type) { return type == TokenType::kUint16 ? 2 : 4; }
// The narrowest type for a vocabulary, as Megatron-LM chooses it.
inline TokenType token_type_for(int64_t vocab_size) {
  return vocab_size < 65500 ? TokenType::kUint16 : TokenType::kInt32;
}

// Appends `ids` as they are on disk. Requires that they fit the type.
void append_tokens(std::span<const int32_t> ids, TokenType type, std::string& out);

// The tokens that begin at `source`, which may lie at an odd address.
void read_tokens(const char* source, TokenType type, std::span<int32_t> out);

class TokenArray {
 public:
  // The tokens from byte `offset` of `file` to its end. Requires offset <= size.
  TokenArray(std::unique_ptr<MappedFile> file, uint64_t offset, TokenType type);
  // One after the other. Requires at least one, all of one type.
  static TokenArray join(std::vector<TokenArray> arrays);

  int64_t size() const { return size_; }
  TokenType type() const { return type_; }
  // Copies tokens [begin, begin + out.size()). Requires that they exist.
  void read(int64_t begin, std::span<int32_t> out) const;

  // Reads every token once; the first that is not below `vocab_size` is an error that names
  // `path`, its index and its byte offset. Requires that it was not joined.
  Status check_below(int64_t vocab_size, const std::string& path) const;

 private:
  struct Part {
    std::unique_ptr<MappedFile> file;
    uint64_t offset;
    int64_t end;  // in tokens of the whole
  };
  std::vector<Part> parts_;
  TokenType type_;
  int64_t size_ = 0;
};

// Opens a file of tokens without an index, little endian:
//
//   llm.c     a header of 256 i32 (magic, version, tokens, zeros), then the tokens: magic 20240520,
//             version 1, u16 (GPT-2), or magic 20240801, version 7, u32 (Llama 3)
//   nanoGPT   u16 tokens and nothing else
//
// A file that begins like a header of llm.c with another magic is refused, not read as u16.
Result<TokenArray> open_token_file(FileSystem& fs, const std::string& path);

}  // namespace tutti
