#include "data/tokenizer.h"

#include <algorithm>

#include "base/utf8.h"
#include "data/control_tokens.h"
#include "data/tokenizer_json.h"
#include "data/worker_loop.h"

namespace tutti {

Result<Tokenizer> Tokenizer::create(TokenizerParts parts) {
  Tokenizer tokenizer(std::move(parts));
  TUTTI_TRY(tokenizer.find_added());
  tokenizer.find_pieces();
  return tokenizer;
}

std::vector<int32_t> Tokenizer::control_ids() const {
  std::vector<int32_t> ids;
  if (const auto end = end_of_text()) ids.push_back(end->id);
  for (const ChatTokens& chat : {kChatMlTokens, kLlama3Tokens}) {
    for (const std::string_view content : {chat.begin, chat.open, chat.header_end, chat.close}) {
      if (const auto id = added_token(content)) ids.push_back(*id);
    }
  }
  return ids;
}

Status Tokenizer::find_added() {
  std::vector<AddedToken> raw, normalized;
  const std::vector<int32_t> control = control_ids();
  for (AddedToken token : parts_.added) {
    token.special |= std::count(control.begin(), control.end(), token.id) > 0;
    if (!token.normalized) {
      raw.push_back(token);
      continue;
    }
    TUTTI_ASSIGN(std::string content, parts_.normalizer.apply(token.content));
    if (content.empty()) continue;  // no text normalizes to it
    normalized.push_back(token);
    normalized.back().content = std::move(content);
  }
  raw_added_ = AddedTokens(std::move(raw));
  normalized_added_ = AddedTokens(std::move(normalized));
  return Status();
}

void Tokenizer::find_pieces() {
  const bool named = !parts_.pieces.empty();
  int32_t size = named ? static_cast<int32_t>(parts_.pieces.size()) : parts_.model.size();
  const int32_t model_size = size;
  for (const AddedToken& token : parts_.added) size = std::max(size, token.id + 1);
  pieces_.resize(size);
  special_.resize(size);
  for (int32_t id = 0; id < model_size; ++id) {
    const std::string& text = named ? parts_.pieces[id] : parts_.model.text(id);
    if (!text.empty()) pieces_[id] = parts_.decoder.piece(text, false);
  }
  for (const AddedToken& token : parts_.added) {
    pieces_[token.id] = parts_.decoder.piece(token.content, true);
    special_[token.id] = token.special;
  }
}

Result<Tokenizer> Tokenizer::load(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(const std::string content, read_file(fs, path, kFileBytesMax));
  return parse(content, path);
}

Result<Tokenizer> Tokenizer::parse(std::string_view content, const std::string& name) {
  return is_json(content) ? parse_tokenizer_json(content, name)
                          : parse_sentence_piece(content, name);
}

// A file of JSON begins with a brace; a sentencepiece model with the tag of its first field.
bool Tokenizer::is_json(std::string_view content) {
  const size_t first = content.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos || content[first] == '{' ||
         !looks_like_sentence_piece(content);
}

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  TokenEncoder encoder(*this, options);
  std::vector<int32_t> ids;
  TUTTI_TRY(encoder.append(text, ids));
  return ids;
}

Result<std::vector<std::vector<int32_t>>> Tokenizer::encode_parallel(
    std::span<const std::string> texts, int threads, EncodeOptions options) const {
  std::vector<TokenEncoder> encoders;
  for (int i = 0; i < std::max(threads, 1); ++i) encoders.emplace_back(*this, options);
  std::vector<std::vector<int32_t>> ids(texts.size());
  std::vector<Status> failures(texts.size());
  run_workers(texts.size(), threads, [&](int thread, size_t i) {
    failures[i] = encoders[thread].append(texts[i], ids[i]);
  });
  for (const Status& failure : failures) TUTTI_TRY(failure);
  return ids;
}

Result<std::string> Tokenizer::decode(std::span<const int32_t> ids, DecodeOptions options) const {
  std::string text;
  TokenDecoder decoder(*this, false, options);
  for (size_t i = 0; i < ids.size(); ++i) {
    const Status status = decoder.append(ids[i], text);
    if (!status.ok()) return invalid("position {}: {}", i, status.message());
  }
  decoder.finish(text);
  return text;
}

std::optional<int32_t> Tokenizer::added_token(std::string_view content) const {
  for (const AddedToken& token : parts_.added) {
    if (token.content == content) return token.id;
  }
  return std::nullopt;
}

std::optional<AddedToken> Tokenizer::end_of_text() const {
  for (const std::string_view content : kEndOfTextTokens) {
    if (const auto id = added_token(content)) return AddedToken{std::string(content), *id, true};
  }
  return std::nullopt;
}

}  // namespace tutti
