#include "data/encode_document.h"

#include <algorithm>

#include "data/text_pieces.h"

namespace tutti {

DocumentEncoder::DocumentEncoder(const Tokenizer& tokenizer, DocumentOptions options)
    : options_(std::move(options)),
      layout_(tokenizer),
      type_(token_type_for(tokenizer.vocab_size())),
      end_of_text_(tokenizer.end_of_text()->id),
      encoder_(tokenizer, EncodeOptions{.special_tokens = false}) {}

Status DocumentEncoder::append(DocumentPiece piece, const CorpusFile& file, EncodedPieces& out) {
  ids_.clear();
  learned_.clear();
  text_bytes_ = 0;
  if (options_.format == DocumentFormat::kChat) {
    TUTTI_TRY(encode_chat(piece, file));
  } else {
    TUTTI_TRY(decode_piece(file, options_, piece));
    if (piece.text.empty()) return Status();
    const bool lines = format_of_file(file.path, options_.format) == DocumentFormat::kText;
    TUTTI_TRY(encode_text(piece.text, !piece.first, place_of(piece, file), lines));
    if (piece.last) ids_.push_back(end_of_text_);
  }
  append_tokens(ids_, type_, out.tokens);
  out.mask += learned_;
  out.pieces.push_back({piece.file, piece.line, piece.last, static_cast<int64_t>(ids_.size()),
                        static_cast<int64_t>(text_bytes_)});
  return Status();
}

// A document of a JSON line can be long: what encoding takes must not grow with it.
Status DocumentEncoder::encode_text(std::string_view text, bool continues, JsonPlace place,
                                    bool lines) {
  text_bytes_ += text.size();
  while (!text.empty()) {
    size_t cut = text.size();
    if (text.size() > 2 * options_.piece_bytes) {
      cut = find_piece_cut(text, options_.piece_bytes, options_.spaces_first);
    }
    const std::string_view piece = text.substr(0, cut);
    if (const Status status = encoder_.append(piece, ids_, continues); !status.ok()) {
      if (lines) place.line += lines_before_error(piece);
      // A limit is of the text: it is met again however much the machine has.
      const bool limit = status.error().kind == ErrorKind::kResource;
      return Error{limit ? ErrorKind::kCorrupt : status.error().kind,
                   fmt::format("{}:{}: {}", place.path, place.line, status.message())};
    }
    if (lines) place.line += std::count(piece.begin(), piece.end(), '\n');
    text.remove_prefix(cut);
    continues = true;
  }
  return Status();
}

uint64_t DocumentEncoder::lines_before_error(std::string_view text) {
  std::vector<int32_t> ids;
  for (uint64_t lines = 0; !text.empty(); ++lines) {
    const std::string_view line = text.substr(0, text.find('\n'));
    ids.clear();
    if (!encoder_.append(line, ids).ok()) return lines;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return 0;
}

Status DocumentEncoder::encode_chat(DocumentPiece& piece, const CorpusFile& file) {
  TUTTI_TRY(decode_bytes(file, options_, piece));
  const JsonPlace place = place_of(piece, file);
  TUTTI_ASSIGN(const ChatExample example, parse_chat_example(piece.text, place));
  for (const ChatPart& part : layout_.parts(example)) {
    if (part.token >= 0) {
      ids_.push_back(part.token);
    } else {
      TUTTI_TRY(encode_text(part.text, false, place, false));
    }
    learned_.resize(ids_.size(), part.learned ? '\1' : '\0');
  }
  return Status();
}

JsonPlace DocumentEncoder::place_of(const DocumentPiece& piece, const CorpusFile& file) {
  return {file.path, piece.line, piece.offset};
}

bool adds_leading_space(const Tokenizer& tokenizer) {
  const auto whole = tokenizer.encode("a b"), a = tokenizer.encode("a"), b = tokenizer.encode("b");
  if (!whole.ok() || !a.ok() || !b.ok()) return false;
  std::vector<int32_t> joined = *a;
  joined.insert(joined.end(), b->begin(), b->end());
  return joined == *whole;
}

}  // namespace tutti
