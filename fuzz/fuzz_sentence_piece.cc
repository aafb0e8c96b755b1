// Any bytes as a sentencepiece model, first on their own, then as a change to small good ones:
// whatever loads must encode and decode.
#include <cstdint>
#include <string>

#include "data/sentence_piece.pb.h"
#include "data/test_tokenizers.h"
#include "data/tokenizer.h"

namespace {

namespace file = tutti::sentence_piece_file;

std::string good_model(file::Trainer::ModelType type, bool bytes, const std::string& rules = "") {
  file::Model model;
  const auto add = [&](const std::string& text, float score, file::Piece::Type kind) {
    file::Piece& piece = *model.add_pieces();
    piece.set_text(text);
    piece.set_score(score);
    piece.set_type(kind);
  };
  model.mutable_trainer()->set_model_type(type);
  model.mutable_trainer()->set_byte_fallback(bytes);
  model.mutable_normalizer()->set_add_dummy_prefix(true);
  model.mutable_normalizer()->set_precompiled_charsmap(rules);
  add("<unk>", 0, file::Piece::UNKNOWN);
  add("<s>", 0, file::Piece::CONTROL);
  add("</s>", 0, file::Piece::CONTROL);
  for (const char* text : {"a", "b", "▁", "ab", "▁a", "▁ab"}) add(text, -1, file::Piece::NORMAL);
  for (int byte = 0; bytes && byte < 256; ++byte) {
    add(fmt::format("<0x{:02X}>", byte), 0, file::Piece::BYTE);
  }
  return model.SerializeAsString();
}

void use(std::string_view content) {
  const auto tokenizer = tutti::Tokenizer::parse(content, "fuzz");
  if (!tokenizer.ok()) return;
  const auto ids = tokenizer->encode("abab  aba é</s> \n\n x", {.add_special = true});
  if (ids.ok()) TUTTI_CHECK(tokenizer->decode(*ids).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string models[] = {
      good_model(file::Trainer::BPE, true), good_model(file::Trainer::BPE, false),
      good_model(file::Trainer::UNIGRAM, false),
      good_model(file::Trainer::BPE, true, tutti::one_rule('x', "b a"))};
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  use("\n" + std::string(bytes));
  if (size <= 2) return 0;
  for (std::string model : models) {  // the first two bytes say where the others overwrite it
    model.replace((data[0] * 256u + data[1]) % model.size(), size - 2, bytes.substr(2));
    use(model);
  }
  return 0;
}
