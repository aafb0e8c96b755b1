// Small tokenizers over characters for the tests of this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "data/sentence_piece.pb.h"

namespace tutti {

inline void add_piece(sentence_piece_file::Model& model, const std::string& text, float score,
                      sentence_piece_file::Piece::Type type = sentence_piece_file::Piece::NORMAL) {
  sentence_piece_file::Piece& piece = *model.add_pieces();
  piece.set_text(text);
  piece.set_score(score);
  piece.set_type(type);
}

// <unk>, <s>, </s>, perhaps the bytes, and the characters that texts here are made of.
inline sentence_piece_file::Model small_model(sentence_piece_file::Trainer::ModelType type,
                                              bool bytes) {
  namespace file = sentence_piece_file;
  file::Model model;
  model.mutable_trainer()->set_model_type(type);
  model.mutable_trainer()->set_byte_fallback(bytes);
  model.mutable_normalizer()->set_remove_extra_whitespaces(false);
  add_piece(model, "<unk>", 0, file::Piece::UNKNOWN);
  add_piece(model, "<s>", 0, file::Piece::CONTROL);
  add_piece(model, "</s>", 0, file::Piece::CONTROL);
  for (int byte = 0; bytes && byte < 256; ++byte) {
    add_piece(model, fmt::format("<0x{:02X}>", byte), 0, file::Piece::BYTE);
  }
  for (const char* character : {"▁", "a", "b", "é", "東"}) add_piece(model, character, -100);
  return model;
}

// A charsmap: a trie as darts-clone lays it out, and the texts that it leads to.
inline std::string charsmap_of(const std::vector<uint32_t>& trie, std::string_view texts) {
  const auto bytes = static_cast<uint32_t>(4 * trie.size());
  std::string rules(reinterpret_cast<const char*>(&bytes), 4);
  rules.append(reinterpret_cast<const char*>(trie.data()), bytes);
  return rules.append(texts);
}

// The trie of one rule: the byte `key` → the text at `leaf`.
inline std::vector<uint32_t> one_rule_trie(unsigned char key, uint32_t leaf = 0) {
  std::vector<uint32_t> trie(512, 0);
  const auto offset = [](uint32_t to) { return to << 10; };
  trie[0] = offset(256);                        // the root's children are at 256 ^ label
  trie[256 ^ key] = key | 1u << 8 | offset(1);  // ends a rule, whose leaf is beside it
  trie[256 ^ key ^ 1] = 1u << 31 | leaf;
  return trie;
}

inline std::string one_rule(unsigned char key, std::string_view text) {
  return charsmap_of(one_rule_trie(key), std::string(text) + '\0');
}

// A tokenizer over characters as Llama 2's, with bytes, whose only merges are of ▁ and a letter.
inline Json llama_json() {
  Json json = parse_json(R"({"added_tokens": [
      {"id": 0, "content": "<unk>", "special": true},
      {"id": 1, "content": "<s>", "special": true}, {"id": 2, "content": "</s>", "special": true}],
    "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
    "pre_tokenizer": null,
    "decoder": {"type": "Sequence", "decoders": [
      {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
      {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
    "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
      "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2}, "merges": ["▁ a", "▁ b"]}})",
                         "text")
                  .value();
  Json& vocab = json["model"]["vocab"];
  for (int byte = 0; byte < 256; ++byte) vocab[fmt::format("<0x{:02X}>", byte)] = 3 + byte;
  int32_t id = 259;
  for (const char* token : {"▁", "a", "b", "▁a", "▁b"}) vocab[token] = id++;
  return json;
}

inline Json metaspace_json(const char* prepend_scheme) {
  return {{"type", "Metaspace"},
          {"replacement", "▁"},
          {"prepend_scheme", prepend_scheme},
          {"split", false}};
}

}  // namespace tutti
