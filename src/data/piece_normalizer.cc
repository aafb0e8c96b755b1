#include "data/piece_normalizer.h"

#include <cstring>

#include "base/utf8.h"
#include "data/code_points.h"

namespace tutti {
namespace {

constexpr uint32_t kLeafBit = 1u << 31;
constexpr uint32_t kHasLeafBit = 1u << 8;

uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }

Error broken(const std::string& what) {
  return corrupt("normalizer_spec.precompiled_charsmap: {}", what);
}

// No step, of this code or the library's, may lead out of the array, and what a leaf leads to must
// be one of `texts`.
Status check_trie(const std::vector<uint32_t>& trie, std::string_view texts) {
  if (trie[0] & kLeafBit) return broken("the root of the trie is a leaf");
  for (uint32_t i = 0; i < trie.size(); ++i) {
    if (trie[i] & kLeafBit) {
      const size_t text = trie[i] & ~kLeafBit;
      if (text >= texts.size()) return broken(fmt::format("unit {} of the trie leads outside", i));
      if (text > 0 && texts[text - 1] != '\0') {
        return broken(fmt::format("unit {} of the trie leads into a text, to byte {}", i, text));
      }
      continue;
    }
    const uint32_t next = i ^ offset_of(trie[i]);
    if ((next | 0xFFu) >= trie.size()) {
      return broken(fmt::format("unit {} of the trie leads outside", i));
    }
    if (trie[i] & kHasLeafBit && !(trie[next] & kLeafBit)) {
      return broken(fmt::format("unit {} of the trie has no leaf at unit {}", i, next));
    }
  }
  return Status();
}

}  // namespace

Result<PieceNormalizer> PieceNormalizer::create(std::string_view rules, AddedTokens defined,
                                                const PieceNormalizerOptions& options) {
  PieceNormalizer normalizer;
  normalizer.defined_ = std::move(defined);
  normalizer.options_ = options;
  if (rules.empty()) return normalizer;
  uint32_t trie_bytes = 0;
  if (rules.size() > 4) std::memcpy(&trie_bytes, rules.data(), 4);
  if (trie_bytes < 1024 || trie_bytes % 4 != 0 || trie_bytes >= rules.size() - 4) {
    return broken(fmt::format("{} bytes with a trie of {}", rules.size(), trie_bytes));
  }
  normalizer.texts_ = rules.substr(4 + trie_bytes);
  if (normalizer.texts_.back() != '\0') return broken("no NUL at the end");
  if (const auto at = first_invalid_utf8(normalizer.texts_)) {
    return broken(fmt::format("the texts are not UTF-8 at byte {}", *at));
  }
  normalizer.trie_.resize(trie_bytes / 4);
  std::memcpy(normalizer.trie_.data(), rules.data() + 4, trie_bytes);
  TUTTI_TRY(check_trie(normalizer.trie_, normalizer.texts_));
  return normalizer;
}

PieceNormalizer::Prefix PieceNormalizer::rule(std::string_view text) const {
  Prefix longest{{}, 0};
  if (trie_.empty()) return longest;
  uint32_t node = offset_of(trie_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    const uint32_t unit = trie_[node];
    if ((unit & (kLeafBit | 0xFFu)) != byte) break;
    node ^= offset_of(unit);
    // A rule for a part of a character is for no text.
    const bool whole = i + 1 == text.size() || !is_utf8_continuation(text[i + 1]);
    if (unit & kHasLeafBit && whole) {
      longest = {texts_.c_str() + (trie_[node] & ~kLeafBit), i + 1};
    }
  }
  return longest;
}

PieceNormalizer::Prefix PieceNormalizer::prefix(std::string_view text) const {
  if (const size_t bytes = defined_.prefix_bytes(text)) return {text.substr(0, bytes), bytes};
  if (const Prefix longest = rule(text); longest.bytes > 0) return longest;
  size_t end = 0;
  read_utf8(text, end);
  return {text.substr(0, end), end};
}

Result<std::string> PieceNormalizer::normalize(std::string_view text, bool continues) const {
  const bool remove = options_.remove_extra_spaces;
  while (remove && !continues && !text.empty()) {
    const Prefix first = prefix(text);
    if (first.replacement != " ") break;
    text.remove_prefix(first.bytes);
  }
  std::string out;
  if (text.empty()) return out;
  out.reserve(text.size() + text.size() / 2 + kSpaceMark.size());
  if (options_.add_prefix && !continues) out += kSpaceMark;
  bool after_space = remove && !continues;
  while (!text.empty()) {
    Prefix next = prefix(text);
    text.remove_prefix(next.bytes);
    std::string_view& part = next.replacement;
    while (after_space && part.starts_with(' ')) part.remove_prefix(1);
    for (const char c : part) {
      if (c == ' ') {
        out += kSpaceMark;
      } else {
        out += c;
      }
    }
    if (!part.empty()) after_space = remove && part.ends_with(' ');
    if (out.size() > options_.text_bytes_max) {
      return error(ErrorKind::kResource, "a text normalizes to more than {} bytes",
                   options_.text_bytes_max);
    }
  }
  while (remove && out.ends_with(kSpaceMark)) out.resize(out.size() - kSpaceMark.size());
  return out;
}

}  // namespace tutti
