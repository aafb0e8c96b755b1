#include "data/added_tokens.h"

#include <algorithm>

namespace tutti {

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::sort(tokens_.begin(), tokens_.end(), [](const AddedToken& a, const AddedToken& b) {
    return a.content.size() != b.content.size() ? a.content.size() > b.content.size()
                                                : a.content < b.content;
  });
  for (uint32_t i = 0; i < tokens_.size(); ++i) {
    TUTTI_CHECK(!tokens_[i].content.empty(), "added token {} is empty", tokens_[i].id);
    by_first_byte_[static_cast<unsigned char>(tokens_[i].content[0])].push_back(i);
    any_ordinary_ |= !tokens_[i].special;
  }
}

std::optional<AddedTokens::Match> AddedTokens::find(std::string_view text, size_t from,
                                                    bool special) const {
  if (tokens_.empty() || (!special && !any_ordinary_)) return std::nullopt;
  for (size_t at = from; at < text.size(); ++at) {
    for (const uint32_t index : by_first_byte_[static_cast<unsigned char>(text[at])]) {
      const AddedToken& token = tokens_[index];
      if (token.special && !special) continue;
      if (text.substr(at, token.content.size()) == token.content) {
        return Match{{at, at + token.content.size()}, token.id};
      }
    }
  }
  return std::nullopt;
}

std::optional<int32_t> AddedTokens::id_of(std::string_view content) const {
  for (const AddedToken& token : tokens_) {
    if (token.content == content) return token.id;
  }
  return std::nullopt;
}

}  // namespace tutti
