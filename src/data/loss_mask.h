// PREFIX.mask, beside PREFIX.bin: which tokens are learned. Little endian:
//
//   "TUTTIMSK" · u32 version 1 · u32 0 · u8 learned[tokens of .bin], each 0 or 1
//
// A token whose byte is 0 is read but never a label. Mapped, validated as a whole before it is
// used, immutable and thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/status.h"

namespace tutti {

inline constexpr uint64_t kMaskHeaderBytes = 16;
std::string_view mask_header();

class LossMask {
 public:
  // Errors name the byte: a wrong header, another length than `tokens` asks for, a byte beyond 1.
  static Result<LossMask> open(FileSystem& fs, const std::string& path, int64_t tokens);

  // Requires 0 <= token < tokens.
  bool learned(int64_t token) const { return bytes_[kMaskHeaderBytes + token] != 0; }
  int64_t learned_tokens() const { return learned_tokens_; }

 private:
  explicit LossMask(std::unique_ptr<MappedFile> file)
      : file_(std::move(file)), bytes_(file_->bytes().data()) {}

  std::unique_ptr<MappedFile> file_;
  const char* bytes_;
  int64_t learned_tokens_ = 0;
};

}  // namespace tutti
