#include "data/piece_normalizer.h"

#include <cstring>

#include "data/code_points.h"

namespace tutti {
namespace {

constexpr std::string_view kMark = "\xE2\x96\x81";  // U+2581
constexpr uint32_t kLeafBit = 1u << 31;

uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }

Error broken(const std::string& what) {
  return corrupt("normalizer_spec.precompiled_charsmap: {}", what);
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
  std::vector<uint32_t>& trie = normalizer.trie_;
  trie.resize(trie_bytes / 4);
  std::memcpy(trie.data(), rules.data() + 4, trie_bytes);
  // No step, of this code or the library's, may lead out of the array.
  for (uint32_t i = 0; i < trie.size(); ++i) {
    const bool leaf = trie[i] & kLeafBit;
    if (leaf ? (trie[i] & ~kLeafBit) >= normalizer.texts_.size()
             : ((i ^ offset_of(trie[i])) | 0xFFu) >= trie.size()) {
      return broken(fmt::format("unit {} of the trie leads outside", i));
    }
  }
  return normalizer;
}

PieceNormalizer::Prefix PieceNormalizer::prefix(std::string_view text) const {
  if (const size_t bytes = defined_.prefix_bytes(text)) return {text.substr(0, bytes), bytes};
  Prefix longest{{}, 0};
  if (!trie_.empty()) {
    uint32_t node = offset_of(trie_[0]);
    for (size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      node ^= byte;
      const uint32_t unit = trie_[node];
      if ((unit & (kLeafBit | 0xFFu)) != byte) break;
      node ^= offset_of(unit);
      if (!(unit >> 8 & 1)) continue;
      // A leaf that is none would be a text past the end.
      const size_t value = trie_[node] & ~kLeafBit;
      if (value < texts_.size()) longest = {texts_.c_str() + value, i + 1};
    }
  }
  if (longest.bytes > 0) return longest;
  size_t end = 0;
  read_utf8(text, end);
  return {text.substr(0, end), end};
}

std::string PieceNormalizer::normalize(std::string_view text) const {
  const bool remove = options_.remove_extra_spaces;
  while (remove && !text.empty()) {
    const Prefix first = prefix(text);
    if (first.replacement != " ") break;
    text.remove_prefix(first.bytes);
  }
  std::string out;
  if (text.empty()) return out;
  out.reserve(text.size() + text.size() / 2 + kMark.size());
  if (options_.add_prefix) out += kMark;
  bool after_space = remove;
  while (!text.empty()) {
    Prefix next = prefix(text);
    text.remove_prefix(next.bytes);
    std::string_view& part = next.replacement;
    while (after_space && part.starts_with(' ')) part.remove_prefix(1);
    for (const char c : part) {
      if (c == ' ') {
        out += kMark;
      } else {
        out += c;
      }
    }
    if (!part.empty()) after_space = remove && part.ends_with(' ');
  }
  while (remove && out.ends_with(kMark)) out.resize(out.size() - kMark.size());
  return out;
}

}  // namespace tutti
