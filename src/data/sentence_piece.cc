#include "data/sentence_piece.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <unordered_map>

#include "base/utf8.h"
#include "data/byte_level.h"
#include "data/code_points.h"
#include "data/sentence_piece.pb.h"
#include "data/tokenizer.h"

namespace tutti {
namespace {

namespace file = sentence_piece_file;

constexpr int32_t kPiecesMax = 1 << 24;

Result<file::Model> read_model(std::string_view content) {
  file::Model model;
  if (content.size() > INT32_MAX ||
      !model.ParseFromArray(content.data(), static_cast<int>(content.size()))) {
    return corrupt("not a sentencepiece model: the protocol buffer is broken");
  }
  if (model.pieces_size() == 0 || model.pieces_size() > kPiecesMax) {
    return corrupt("not a sentencepiece model: {} pieces, 1 to {} are expected",
                   model.pieces_size(), kPiecesMax);
  }
  for (int i = 0; i < model.pieces_size(); ++i) {
    const std::string& text = model.pieces(i).text();
    if (text.empty()) return corrupt("pieces[{}].piece: empty", i);
    if (!is_utf8(text)) return corrupt("pieces[{}].piece: not UTF-8", i);
  }
  return model;
}

bool has_all_bytes(const file::Model& model) {
  std::array<bool, 256> found{};
  for (const file::Piece& piece : model.pieces()) {
    const auto byte = read_byte_token(piece.text());
    if (!byte || piece.type() != file::Piece::BYTE) continue;
    const auto value = static_cast<unsigned char>(*byte);
    found[value] |= piece.text() == fmt::format("<0x{:02X}>", value);
  }
  return std::count(found.begin(), found.end(), true) == 256;
}

Status check_supported(const file::Model& model) {
  const file::Trainer& trainer = model.trainer();
  const auto type = trainer.model_type();
  if (type != file::Trainer::BPE && type != file::Trainer::UNIGRAM) {
    return invalid("trainer_spec.model_type: {} is not supported (BPE and UNIGRAM are)",
                   type == file::Trainer::WORD ? "WORD" : "CHAR");
  }
  if (trainer.treat_whitespace_as_suffix()) {
    return invalid("trainer_spec.treat_whitespace_as_suffix: true is not supported");
  }
  if (!model.normalizer().escape_whitespaces()) {
    return invalid("normalizer_spec.escape_whitespaces: false is not supported");
  }
  if (trainer.byte_fallback() && !has_all_bytes(model)) {
    return corrupt("trainer_spec.byte_fallback: true, but not every byte has a piece");
  }
  return Status();
}

// The pieces must differ, and one of them be the unknown one, whose id it gives.
Result<int32_t> check_pieces(const file::Model& model) {
  std::unordered_map<std::string_view, int> seen;
  int32_t unknown = -1, normal = 0;
  for (int i = 0; i < model.pieces_size(); ++i) {
    const file::Piece& piece = model.pieces(i);
    const auto [found, added] = seen.emplace(piece.text(), i);
    if (!added) {
      return corrupt("pieces[{}].piece: '{}' is pieces[{}] too", i, piece.text(), found->second);
    }
    if (!std::isfinite(piece.score())) return corrupt("pieces[{}].score: not a number", i);
    normal += piece.type() == file::Piece::NORMAL;
    if (piece.type() == file::Piece::UNKNOWN) {
      if (unknown >= 0) return corrupt("pieces[{}].type: a second UNKNOWN piece", i);
      unknown = i;
    }
    if (piece.type() == file::Piece::UNUSED && model.trainer().model_type() == file::Trainer::BPE) {
      return invalid("pieces[{}].type: UNUSED is not supported in BPE models", i);
    }
  }
  if (unknown < 0) return corrupt("pieces: none is UNKNOWN");
  if (normal == 0) return corrupt("pieces: none is NORMAL");
  return unknown;
}

// BPE starts from characters, so each of a piece must be one.
Status check_characters(const file::Model& model) {
  CharacterIds characters;
  for (const file::Piece& piece : model.pieces()) {
    size_t at = 0;
    const uint32_t character = read_utf8(piece.text(), at);
    if (piece.type() == file::Piece::NORMAL && at == piece.text().size()) {
      characters.insert(character, 1);
    }
  }
  for (int i = 0; i < model.pieces_size(); ++i) {
    const std::string& text = model.pieces(i).text();
    if (model.pieces(i).type() != file::Piece::NORMAL) continue;
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      if (characters.find(read_utf8(text, at)) == CharacterIds::kNone) {
        return invalid("pieces[{}].piece: '{}' is not supported: '{}' is no piece", i, text,
                       text.substr(begin, at - begin));
      }
    }
  }
  return Status();
}

// Two pieces merge where they spell a third; the one of the greatest score first.
std::vector<BpeModel::Merge> merges_of(const file::Model& model) {
  std::unordered_map<std::string_view, int32_t> ids;
  std::map<float, uint32_t, std::greater<>> ranks;
  for (int32_t id = 0; id < model.pieces_size(); ++id) {
    if (model.pieces(id).type() != file::Piece::NORMAL) continue;
    ids.emplace(model.pieces(id).text(), id);
    ranks[model.pieces(id).score()] = 0;
  }
  uint32_t next = 0;
  for (auto& [score, rank] : ranks) rank = next++;
  std::vector<BpeModel::Merge> merges;
  for (const auto& [text, id] : ids) {
    size_t cut = 0;
    for (read_utf8(text, cut); cut < text.size(); read_utf8(text, cut)) {
      const auto left = ids.find(text.substr(0, cut)), right = ids.find(text.substr(cut));
      if (left == ids.end() || right == ids.end()) continue;
      merges.push_back({left->second, right->second, ranks[model.pieces(id).score()]});
    }
  }
  return merges;
}

Result<BpeModel> bpe_of(const file::Model& model, int32_t unknown) {
  TUTTI_TRY(check_characters(model));
  BpeModel::Vocabulary vocabulary;
  for (const file::Piece& piece : model.pieces()) {
    const bool in_text = piece.type() == file::Piece::NORMAL || piece.type() == file::Piece::BYTE ||
                         piece.type() == file::Piece::UNKNOWN;
    vocabulary.push_back(in_text ? piece.text() : "");
  }
  const bool bytes = model.trainer().byte_fallback();
  BpeOptions options;
  options.characters = true;
  options.byte_fallback = bytes;
  options.fuse_unknown = !bytes;
  options.unknown = unknown;
  return BpeModel::create(std::move(vocabulary), merges_of(model), options);
}

UnigramModel unigram_of(const file::Model& model, int32_t unknown) {
  UnigramModel::Options options;
  options.unknown = unknown;
  options.byte_fallback = model.trainer().byte_fallback();
  std::vector<UnigramModel::Piece> pieces;
  for (int32_t id = 0; id < model.pieces_size(); ++id) {
    const file::Piece& piece = model.pieces(id);
    const bool defined = piece.type() == file::Piece::USER_DEFINED;
    if (defined || piece.type() == file::Piece::NORMAL) {
      pieces.push_back({piece.text(), piece.score(), id, defined});
    }
    if (piece.type() != file::Piece::BYTE) continue;
    const auto byte = read_byte_token(piece.text());
    if (byte) options.byte_ids[static_cast<unsigned char>(*byte)] = id;
  }
  return UnigramModel(std::move(pieces), options);
}

AddedToken token_of(const file::Model& model, int32_t id) {
  AddedToken token;
  token.content = model.pieces(id).text();
  token.id = id;
  token.special = model.pieces(id).type() == file::Piece::CONTROL;
  return token;
}

Decoder decoder_of(const file::Model& model, int32_t unknown) {
  SentencePieceDecoding decoding;
  decoding.mark = kSpaceMark;
  decoding.unknown = model.pieces(unknown).text();
  decoding.unknown_surface = model.trainer().unk_surface();
  decoding.drop_first = model.normalizer().add_dummy_prefix();
  decoding.drop_leading = model.normalizer().remove_extra_whitespaces();
  return Decoder(decoding);
}

Result<TokenizerParts> read_parts(const file::Model& model) {
  TUTTI_TRY(check_supported(model));
  TUTTI_ASSIGN(const int32_t unknown, check_pieces(model));
  TokenizerParts parts;
  std::vector<AddedToken> defined;
  for (int32_t id = 0; id < model.pieces_size(); ++id) {
    const auto type = model.pieces(id).type();
    parts.pieces.push_back(model.pieces(id).text());
    if (type == file::Piece::CONTROL) parts.added.push_back(token_of(model, id));
    if (type == file::Piece::USER_DEFINED) defined.push_back(token_of(model, id));
  }
  PieceNormalizerOptions options;
  options.add_prefix = model.normalizer().add_dummy_prefix();
  options.remove_extra_spaces = model.normalizer().remove_extra_whitespaces();
  parts.sentence_piece = std::make_unique<SentencePiece>();
  parts.sentence_piece->defined = AddedTokens(defined);
  TUTTI_ASSIGN(parts.sentence_piece->normalizer,
               PieceNormalizer::create(model.normalizer().precompiled_charsmap(),
                                       AddedTokens(std::move(defined)), options));
  if (model.trainer().model_type() == file::Trainer::UNIGRAM) {
    parts.sentence_piece->unigram = unigram_of(model, unknown);
  } else {
    TUTTI_ASSIGN(parts.model, bpe_of(model, unknown));
  }
  parts.decoder = decoder_of(model, unknown);
  const int32_t begin = model.trainer().bos_id();
  if (begin >= 0 && begin < model.pieces_size() &&
      model.pieces(begin).type() == file::Piece::CONTROL) {
    parts.before.push_back(begin);
  }
  return parts;
}

}  // namespace

bool looks_like_sentence_piece(std::string_view content) { return content.starts_with('\n'); }

Result<Tokenizer> parse_sentence_piece(std::string_view content, const std::string& name) {
  const auto parse = [&]() -> Result<Tokenizer> {
    TUTTI_ASSIGN(const file::Model model, read_model(content));
    TUTTI_ASSIGN(TokenizerParts parts, read_parts(model));
    return Tokenizer::create(std::move(parts));
  };
  Result<Tokenizer> tokenizer = parse();
  if (!tokenizer.ok()) return Error{tokenizer.error().kind, name + ": " + tokenizer.message()};
  return tokenizer;
}

}  // namespace tutti
