#include "base/utf8.h"
#include "data/tokenizer.h"

namespace tutti {

TokenEncoder::TokenEncoder(const Tokenizer& tokenizer, EncodeOptions options)
    : tokenizer_(tokenizer),
      parts_(tokenizer.parts_),
      options_(options),
      normalizer_scratch_(tokenizer.parts_.normalizer),
      scratch_(tokenizer.parts_.pre_tokenizer.make_scratch()) {}

Status TokenEncoder::append(std::string_view text, std::vector<int32_t>& ids, bool continues) {
  if (text.size() > Tokenizer::kTextBytesMax) {
    return error(ErrorKind::kResource, "a text of {} bytes: at most {} are encoded at once",
                 text.size(), Tokenizer::kTextBytesMax);
  }
  if (const auto invalid_at = first_invalid_utf8(text)) {
    return corrupt("the text is not UTF-8: byte {:#04x} at offset {}",
                   static_cast<unsigned char>(text[*invalid_at]), *invalid_at);
  }
  if (options_.add_special && !continues) {
    ids.insert(ids.end(), parts_.before.begin(), parts_.before.end());
  }
  AddedTokens::Cursor cursor;
  size_t done = 0;
  TextPlace place = continues ? TextPlace::kContinues : TextPlace::kBegins;
  while (const auto match = tokenizer_.raw_added_.next(text, cursor, options_.special_tokens)) {
    if (match->range.begin > done) {
      TUTTI_TRY(append_raw(text.substr(done, match->range.begin - done), place, ids));
    }
    ids.push_back(match->id);
    done = match->range.end;
    place = TextPlace::kWithin;
  }
  TUTTI_TRY(append_raw(text.substr(done), place, ids));
  if (options_.add_special) ids.insert(ids.end(), parts_.after.begin(), parts_.after.end());
  return Status();
}

// A stretch between added tokens.
Status TokenEncoder::append_raw(std::string_view text, TextPlace place, std::vector<int32_t>& ids) {
  if (text.empty()) return Status();
  const bool continues = place == TextPlace::kContinues;
  if (parts_.sentence_piece) return append_sentence_piece(text, continues, ids);
  if (parts_.normalizer.empty()) return append_normalized(text, place, ids);
  TUTTI_ASSIGN(const std::string_view normal,
               parts_.normalizer.apply(text, normalizer_scratch_, continues));
  return append_normalized(normal, place, ids);
}

Status TokenEncoder::append_sentence_piece(std::string_view text, bool continues,
                                           std::vector<int32_t>& ids) {
  const SentencePiece& model = *parts_.sentence_piece;
  TUTTI_ASSIGN(const std::string whole, model.normalizer.normalize(text, continues));
  const std::string_view normal = whole;
  if (model.unigram) {
    model.unigram->encode(normal, unigram_scratch_, ids);
    return Status();
  }
  AddedTokens::Cursor cursor;
  size_t done = 0;
  while (const auto match = model.defined.next(normal, cursor, true)) {
    TUTTI_TRY(append_pieces(normal.substr(done, match->range.begin - done), ids));
    ids.push_back(match->id);
    done = match->range.end;
  }
  return append_pieces(normal.substr(done), ids);
}

Status TokenEncoder::append_normalized(std::string_view text, TextPlace place,
                                       std::vector<int32_t>& ids) {
  const auto split = [&](std::string_view part) {
    return parts_.pre_tokenizer.split(
        part, place, scratch_, [&](std::string_view word) { return append_pieces(word, ids); });
  };
  AddedTokens::Cursor cursor;
  size_t done = 0;
  const AddedTokens& added = tokenizer_.normalized_added_;
  while (const auto match = added.next(text, cursor, options_.special_tokens)) {
    if (match->range.begin > done) {
      TUTTI_TRY(split(text.substr(done, match->range.begin - done)));
    }
    ids.push_back(match->id);
    done = match->range.end;
    place = TextPlace::kWithin;
  }
  return split(text.substr(done));
}

// A long word is cut where its parts are independent, so that the cache knows them.
Status TokenEncoder::append_pieces(std::string_view word, std::vector<int32_t>& ids) {
  while (!word.empty()) {
    const size_t bytes = parts_.model.independent_prefix(word);
    TUTTI_TRY(append_piece(word.substr(0, bytes), ids));
    word.remove_prefix(bytes);
  }
  return Status();
}

Status TokenEncoder::append_piece(std::string_view word, std::vector<int32_t>& ids) {
  const std::span<const int32_t> cached = cache_.get(word);
  if (!cached.empty()) {
    ids.insert(ids.end(), cached.begin(), cached.end());
    return Status();
  }
  const size_t before = ids.size();
  TUTTI_TRY(parts_.model.encode(word, model_scratch_, ids));
  cache_.put(word, std::span(ids).subspan(before));
  return Status();
}

}  // namespace tutti
