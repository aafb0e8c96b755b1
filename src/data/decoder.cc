#include "data/decoder.h"

#include <cstdint>

#include "base/utf8.h"
#include "data/byte_level.h"
#include "data/replace_text.h"

namespace tutti {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::string out;
  append_replaced(text, from, to, SIZE_MAX, out);
  text = std::move(out);
}

void strip(std::string& text, const Decoder::Strip& step) {
  const std::string& content = step.content;
  for (size_t i = 0; i < step.start && text.starts_with(content); ++i) {
    text.erase(0, content.size());
  }
  for (size_t i = 0; i < step.stop && text.ends_with(content); ++i) {
    text.resize(text.size() - content.size());
  }
}

}  // namespace

Result<Decoder> Decoder::create(std::vector<Step> steps) {
  Decoder decoder;
  bool fused = false;
  for (Step& step : steps) {
    const auto* whole = std::get_if<Strip>(&step);
    if (!fused) {
      fused = std::holds_alternative<Fuse>(step);
      if (!fused) decoder.steps_.push_back(std::move(step));
    } else if (whole && whole->stop == 0 && decoder.whole_strip_.start == 0) {
      decoder.whole_strip_ = *whole;
    } else if (!std::holds_alternative<Fuse>(step)) {
      return invalid("behind Fuse only one Strip, of the start alone, is supported");
    }
  }
  return decoder;
}

Decoder::Piece Decoder::sentence_piece_of(std::string_view spelling) const {
  const SentencePieceDecoding& decoding = *sentence_piece_;
  Piece piece;
  piece.text = spelling;
  if (const auto byte = read_byte_token(spelling)) {
    piece.text.assign(1, *byte);
    piece.is_byte = true;
  } else if (spelling == decoding.unknown) {
    piece.text = decoding.unknown_surface;
  } else if ((decoding.drop_first || decoding.drop_leading) &&
             spelling.starts_with(decoding.mark)) {
    piece.first_text = spelling.substr(decoding.mark.size());
    replace_all(piece.first_text, decoding.mark, " ");
    replace_all(piece.text, decoding.mark, " ");
    return piece;
  } else {
    replace_all(piece.text, decoding.mark, " ");
  }
  piece.first_text = piece.text;
  return piece;
}

bool Decoder::stays_first(const Piece& piece) const {
  if (!sentence_piece_ || piece.is_byte || !piece.first_text.empty()) return false;
  return sentence_piece_->drop_leading || piece.text.empty();
}

std::string Decoder::text_of_bytes(std::string_view run) const {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string text;
  if (!sentence_piece_ && !is_utf8(run)) {  // Hugging Face replaces every byte of the run
    for (size_t i = 0; i < run.size(); ++i) text += kReplacement;
    return text;
  }
  while (const auto bad = first_invalid_utf8(run)) {
    text.append(run.substr(0, *bad)).append(kReplacement);
    run.remove_prefix(*bad + 1);
  }
  return text.append(run);
}

Decoder::Piece Decoder::piece(std::string_view spelling, bool added) const {
  if (sentence_piece_) return sentence_piece_of(spelling);
  Piece piece;
  const auto decode = [&](bool first) {
    std::string text(spelling);
    for (const Step& step : steps_) {
      if (std::holds_alternative<ByteLevel>(step)) {
        if (!added) text = from_byte_level(text).value_or(text);
      } else if (const auto* replace = std::get_if<Replace>(&step)) {
        replace_all(text, replace->from, replace->to);
      } else if (std::holds_alternative<ByteFallback>(step)) {
        const auto byte = read_byte_token(text);
        piece.is_byte = byte.has_value();
        if (byte) text.assign(1, *byte);
      } else if (const auto* ends = std::get_if<Strip>(&step)) {
        if (!piece.is_byte) strip(text, *ends);
      } else if (const auto* metaspace = std::get_if<Metaspace>(&step)) {
        replace_all(text, metaspace->mark, first && metaspace->drop_first ? "" : " ");
      } else if (std::holds_alternative<JoinSpaced>(step) && !first) {
        text.insert(text.begin(), ' ');
      }
    }
    return text;
  };
  piece.first_text = decode(true);
  piece.text = decode(false);
  return piece;
}

}  // namespace tutti
