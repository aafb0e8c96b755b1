#include "data/added_tokens.h"

#include <algorithm>

#include "data/code_points.h"
#include "data/unicode.h"

namespace tutti {
namespace {

size_t last_character(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && is_utf8_continuation(text[at])) --at;
  return at;
}

uint8_t classes_at(std::string_view text, size_t at) { return classes_of(read_utf8(text, at)); }

bool ends_with_word(std::string_view text) {
  return !text.empty() && classes_at(text, last_character(text)) & kWord;
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && classes_at(text, 0) & kWord;
}

// The offset of the white space that `text` ends with.
size_t trailing_space(std::string_view text) {
  while (!text.empty()) {
    const size_t last = last_character(text);
    if (!(classes_at(text, last) & kWhiteSpace)) break;
    text = text.substr(0, last);
  }
  return text.size();
}

// The length of the white space that `text` begins with.
size_t leading_space(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    size_t next = at;
    if (!(classes_of(read_utf8(text, next)) & kWhiteSpace)) break;
    at = next;
  }
  return at;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const AddedToken& a, const AddedToken& b) {
    return a.content.size() > b.content.size();
  });
  for (uint32_t i = 0; i < tokens_.size(); ++i) {
    const std::string& content = tokens_[i].content;
    TUTTI_CHECK(!content.empty(), "added token {} is empty", tokens_[i].id);
    const auto first = static_cast<unsigned char>(content[0]);
    Bucket& bucket = by_first_byte_[first];
    if (bucket.indices.empty()) bucket.prefix = content;
    const auto ends =
        std::mismatch(bucket.prefix.begin(), bucket.prefix.end(), content.begin(), content.end());
    bucket.prefix.erase(ends.first, bucket.prefix.end());
    bucket.indices.push_back(i);
    begins_one_[first] = true;
  }
}

const AddedToken* AddedTokens::token_at(std::string_view text, size_t at) const {
  const Bucket& bucket = by_first_byte_[static_cast<unsigned char>(text[at])];
  if (!text.substr(at).starts_with(bucket.prefix)) return nullptr;
  for (const uint32_t index : bucket.indices) {
    if (text.substr(at).starts_with(tokens_[index].content)) return &tokens_[index];
  }
  return nullptr;
}

std::optional<AddedTokens::Match> AddedTokens::next(std::string_view text, Cursor& cursor,
                                                    bool special) const {
  if (tokens_.empty()) return std::nullopt;
  for (size_t at = cursor.from; at < text.size(); ++at) {
    if (!begins_one_[static_cast<unsigned char>(text[at])]) continue;
    const AddedToken* token = token_at(text, at);
    if (token == nullptr) continue;
    size_t begin = at, end = at + token->content.size();
    at = end - 1;  // what is passed over is passed over whole
    if (token->special && !special) continue;
    if (token->single_word &&
        (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) {
      continue;
    }
    cursor.from = end;
    if (token->left_strip) begin = std::max(trailing_space(text.substr(0, begin)), cursor.done);
    if (token->right_strip) end += leading_space(text.substr(end));
    cursor.done = end;
    return Match{{begin, end}, token->id};
  }
  cursor.from = text.size();
  return std::nullopt;
}

size_t AddedTokens::prefix_bytes(std::string_view text) const {
  if (!begins_one_[static_cast<unsigned char>(text[0])]) return 0;
  const AddedToken* token = token_at(text, 0);
  return token ? token->content.size() : 0;
}

}  // namespace tutti
