// Any bytes as a tokenizer.json, first on their own, then as a change to a small good one: whatever
// loads must encode and decode.
#include <cstdint>
#include <string>

#include "data/tokenizer_json.h"

namespace {

using tutti::BpeTrainerOptions;

const std::string& good_json() {
  static const std::string json = *tutti::write_tokenizer_json(
      *tutti::train_bpe({{"abab", 9}, {" aba", 5}}, {.vocab_size = 260}));
  return json;
}

void use(std::string_view json) {
  const auto tokenizer = tutti::parse_tokenizer_json(json, "fuzz");
  if (!tokenizer.ok()) return;
  const auto ids = tokenizer->encode("abab aba é<|endoftext|> \n\n x");
  if (ids.ok()) TUTTI_CHECK(tokenizer->decode(*ids).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  use(bytes);
  if (size > 2) {  // the first two bytes say where the others overwrite the good one
    std::string changed = good_json();
    const size_t at = (data[0] * 256u + data[1]) % changed.size();
    changed.replace(at, size - 2, bytes.substr(2));
    use(changed);
  }
  return 0;
}
