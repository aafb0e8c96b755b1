#include "data/loss_mask.h"

#include <cstring>

namespace tutti {

std::string_view mask_header() { return {"TUTTIMSK\1\0\0\0\0\0\0\0", kMaskHeaderBytes}; }

Result<LossMask> LossMask::open(FileSystem& fs, const std::string& path, int64_t tokens) {
  TUTTI_ASSIGN(auto file, fs.map(path));
  const std::string_view bytes(file->bytes().data(), file->bytes().size());
  if (!bytes.starts_with(mask_header())) {
    return corrupt("{}: not a loss mask of version 1: the first {} bytes are others", path,
                   kMaskHeaderBytes);
  }
  const auto expected = static_cast<uint64_t>(tokens) + kMaskHeaderBytes;
  if (bytes.size() != expected) {
    return corrupt("{}: {} bytes, expected {} for the {} tokens of the .bin", path, bytes.size(),
                   expected, tokens);
  }
  LossMask mask(std::move(file));
  for (uint64_t at = kMaskHeaderBytes; at < bytes.size(); ++at) {
    const auto value = static_cast<unsigned char>(bytes[at]);
    if (value > 1) return corrupt("{}: {} at byte {}, expected 0 or 1", path, value, at);
    mask.learned_tokens_ += value;
  }
  return mask;
}

}  // namespace tutti
