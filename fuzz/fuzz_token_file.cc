// Any bytes as a file of tokens without an index and as a loss mask, as they are and behind good
// headers: what opens can be read to its end.
#include <cstdint>
#include <string>
#include <vector>

#include "base/test_file_system.h"
#include "data/loss_mask.h"
#include "data/token_array.h"

namespace {

std::string header_of(int32_t magic, int32_t version, size_t tokens) {
  std::string header(1024, '\0');
  const int32_t words[] = {magic, version, static_cast<int32_t>(tokens)};
  header.replace(0, sizeof(words), reinterpret_cast<const char*>(words), sizeof(words));
  return header;
}

void open_tokens(const std::string& bytes) {
  tutti::TestFileSystem fs;
  TUTTI_CHECK(tutti::write_file_atomic(fs, "/a.bin", bytes).ok());
  const auto tokens = tutti::open_token_file(fs, "/a.bin");
  if (!tokens.ok()) return;
  std::vector<int32_t> ids(tokens->size());
  tokens->read(0, ids);
  (void)tokens->check_below(1000, "/a.bin");
}

void open_mask(const std::string& bytes, int64_t tokens) {
  tutti::TestFileSystem fs;
  TUTTI_CHECK(tutti::write_file_atomic(fs, "/a.mask", bytes).ok());
  const auto mask = tutti::LossMask::open(fs, "/a.mask", tokens);
  if (!mask.ok()) return;
  int64_t learned = 0;
  for (int64_t i = 0; i < tokens; ++i) learned += mask->learned(i);
  TUTTI_CHECK(learned == mask->learned_tokens());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  open_tokens(bytes);
  open_tokens(header_of(20240520, 1, size / 2) + bytes);
  open_tokens(header_of(20240801, 7, size / 4) + bytes);
  open_mask(bytes, 3);
  open_mask(std::string(tutti::mask_header()) + bytes, static_cast<int64_t>(size));
  return 0;
}
