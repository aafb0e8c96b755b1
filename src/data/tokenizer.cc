#include "data/tokenizer.h"

#include <algorithm>

#include "base/utf8.h"
#include "data/tokenizer_json.h"
#include "data/worker_loop.h"

namespace tutti {
namespace {

constexpr uint64_t kFileBytesMax = 256ull << 20;

}  // namespace

Tokenizer::Tokenizer(AddedTokens added, PreTokenizer pre_tokenizer, BpeModel model)
    : added_(std::move(added)), pre_tokenizer_(std::move(pre_tokenizer)), model_(std::move(model)) {
  vocab_size_ = model_.size();
  for (const AddedToken& token : added_.tokens()) vocab_size_ = std::max(vocab_size_, token.id + 1);
  added_by_id_.resize(vocab_size_);
  for (const AddedToken& token : added_.tokens()) added_by_id_[token.id] = &token.content;
}

Result<Tokenizer> Tokenizer::load(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(const std::string json, read_file(fs, path, kFileBytesMax));
  return parse_tokenizer_json(json, path);
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

Result<std::string> Tokenizer::decode(std::span<const int32_t> ids) const {
  std::string bytes;
  for (size_t i = 0; i < ids.size(); ++i) {
    const int32_t id = ids[i];
    if (id < 0 || id >= vocab_size_) {
      return invalid("token {} at position {}: the vocabulary has ids 0 to {}", id, i,
                     vocab_size_ - 1);
    }
    if (added_by_id_[id]) {
      bytes += *added_by_id_[id];
    } else if (id < model_.size()) {
      bytes += model_.bytes(id);
    }
  }
  return bytes;
}

std::optional<AddedToken> Tokenizer::end_of_text() const {
  for (const char* content : {"<|endoftext|>", "<|end_of_text|>", "</s>"}) {
    if (const auto id = added_token(content)) return AddedToken{content, *id, true};
  }
  return std::nullopt;
}

TokenEncoder::TokenEncoder(const Tokenizer& tokenizer, EncodeOptions options)
    : tokenizer_(tokenizer),
      options_(options),
      scratch_(tokenizer.pre_tokenizer().make_scratch()) {}

Status TokenEncoder::append(std::string_view text, std::vector<int32_t>& ids) {
  if (text.size() > Tokenizer::kTextBytesMax) {
    return error(ErrorKind::kResource, "a text of {} bytes: at most {} are encoded at once",
                 text.size(), Tokenizer::kTextBytesMax);
  }
  if (const auto invalid_at = first_invalid_utf8(text)) {
    return corrupt("the text is not UTF-8: byte {:#04x} at offset {}",
                   static_cast<unsigned char>(text[*invalid_at]), *invalid_at);
  }
  size_t done = 0;
  while (const auto match = tokenizer_.added().find(text, done, options_.special_tokens)) {
    TUTTI_TRY(append_ordinary(text.substr(done, match->range.begin - done), ids));
    ids.push_back(match->id);
    done = match->range.end;
  }
  return append_ordinary(text.substr(done), ids);
}

Status TokenEncoder::append_ordinary(std::string_view text, std::vector<int32_t>& ids) {
  return tokenizer_.pre_tokenizer().split(text, scratch_, [&](std::string_view word) {
    append_word(word, ids);
    return Status();
  });
}

void TokenEncoder::append_word(std::string_view word, std::vector<int32_t>& ids) {
  const std::span<const int32_t> cached = cache_.get(word);
  if (!cached.empty()) {
    ids.insert(ids.end(), cached.begin(), cached.end());
    return;
  }
  const size_t before = ids.size();
  tokenizer_.model().encode(word, model_scratch_, ids);
  cache_.put(word, std::span(ids).subspan(before));
}

}  // namespace tutti
