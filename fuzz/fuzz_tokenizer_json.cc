// Any bytes as a tokenizer.json, first on their own, then as a change to small good ones, over
// bytes and over characters with every kind of step: whatever loads must encode and decode.
#include <cstdint>
#include <string>

#include "data/tokenizer_json.h"

namespace {

using tutti::BpeTrainerOptions;

const std::string& byte_level_json() {
  static const std::string json = *tutti::write_tokenizer_json(
      *tutti::train_bpe({{"abab", 9}, {" aba", 5}}, {.vocab_size = 260}));
  return json;
}

constexpr std::string_view kCharacterJson = R"({"added_tokens": [
  {"id": 0, "content": "<unk>", "special": true, "normalized": false},
  {"id": 1, "content": "<s>", "special": true, "lstrip": true, "rstrip": true},
  {"id": 9, "content": "word", "single_word": true, "normalized": true}],
"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFKD"},
  {"type": "Lowercase"}, {"type": "Strip", "strip_left": true, "strip_right": false},
  {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
  {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
  {"type": "Prepend", "prepend": "▁"}]},
"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
  {"type": "Split", "pattern": {"Regex": "\\w+|[^\\s]"}, "behavior": "MergedWithNext",
   "invert": true},
  {"type": "Digits", "individual_digits": false},
  {"type": "Punctuation", "behavior": "Contiguous"},
  {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true}]},
"post_processor": {"type": "TemplateProcessing",
  "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
  "special_tokens": {"<s>": {"id": "<s>", "ids": [1]}}},
"decoder": {"type": "Sequence", "decoders": [
  {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
  {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
"model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
  "vocab": {"<unk>": 0, "<s>": 1, "a": 2, "b": 3, "▁": 4, "ab": 5, "▁ab": 6, "<0xC3>": 7,
            "<0xA9>": 8}, "merges": ["a b", ["▁", "ab"]]}})";

void use(std::string_view json) {
  const auto tokenizer = tutti::parse_tokenizer_json(json, "fuzz");
  if (!tokenizer.ok()) return;
  const auto ids = tokenizer->encode("abab aba é<|endoftext|> \n\n x <s> word1,2 A\u0301\u0323",
                                     {.add_special = true});
  if (ids.ok()) TUTTI_CHECK(tokenizer->decode(*ids).ok());
}

void use_changed(std::string json, size_t at, std::string_view bytes) {
  json.replace(at % json.size(), bytes.size(), bytes);
  use(json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  use(bytes);
  if (size > 2) {  // the first two bytes say where the others overwrite the good ones
    const size_t at = data[0] * 256u + data[1];
    use_changed(byte_level_json(), at, bytes.substr(2));
    use_changed(std::string(kCharacterJson), at, bytes.substr(2));
  }
  return 0;
}
