#include "data/bpe_model.h"

#include <algorithm>
#include <utility>

#include "data/code_points.h"

namespace tutti {
namespace {

// Up to here scanning for the lowest rank beats keeping a heap.
constexpr size_t kShortWord = 32;
constexpr size_t kJoinedBits = size_t{1} << 20;
constexpr size_t kScratchSymbolsMax = size_t{1} << 20;

// std::push_heap keeps the greatest on top, so "less" is: merges later.
bool merges_later(const BpeModel::Scratch::Candidate& a, const BpeModel::Scratch::Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
}

size_t pair_bit(uint32_t left, uint32_t right) {
  const uint64_t key = uint64_t{left} << 32 | right;
  return (key * 0x9E3779B97F4A7C15ull) >> 44;
}
static_assert(kJoinedBits == size_t{1} << (64 - 44));

}  // namespace

Result<BpeModel> BpeModel::create(Vocabulary vocabulary, const std::vector<Merge>& merges,
                                  const BpeOptions& options) {
  BpeModel model;
  model.options_ = options;
  model.vocabulary_ = std::move(vocabulary);
  if (options.unknown && (*options.unknown < 0 || *options.unknown >= model.size())) {
    return invalid("the token of unknown characters is {}, but the vocabulary ends at {}",
                   *options.unknown, model.size());
  }
  std::unordered_map<std::string, int32_t> ids;
  for (int32_t id = 0; id < model.size(); ++id) {
    if (!model.text(id).empty()) ids.emplace(model.text(id), id);
  }
  TUTTI_TRY(model.set_first_symbols(ids));
  TUTTI_TRY(model.add_merges(merges, ids));
  if (options.characters) model.find_cuts(merges);
  if (options.whole_words) model.word_ids_ = std::move(ids);
  return model;
}

Status BpeModel::set_first_symbols(const std::unordered_map<std::string, int32_t>& ids) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = ids.find(options_.characters ? fmt::format("<0x{:02X}>", byte)
                                                    : std::string(1, static_cast<char>(byte)));
    byte_ids_[byte] = found == ids.end() ? kNoToken : found->second;
    if (byte_ids_[byte] == kNoToken && !options_.characters && !options_.unknown) {
      return invalid(
          "the vocabulary has no token for byte {:#04x}: a byte-level model needs all 256, or a "
          "token for unknown ones",
          byte);
    }
  }
  if (!options_.characters) return Status();
  for (const auto& [text, id] : ids) {
    size_t end = 0;
    const uint32_t character = read_utf8(text, end);
    if (end == text.size()) character_ids_.insert(character, id);
  }
  return Status();
}

Status BpeModel::add_merges(const std::vector<Merge>& merges,
                            const std::unordered_map<std::string, int32_t>& ids) {
  merges_ = MergeTable(merges.size());
  for (const auto& [left, right, rank] : merges) {
    if (left < 0 || right < 0 || left >= size() || right >= size()) {
      return invalid("merge {} joins tokens {} and {}, but the vocabulary ends at {}", rank, left,
                     right, size());
    }
    const auto merged = ids.find(text(left) + text(right));
    if (merged == ids.end()) {
      return invalid("merge {} of tokens {} and {} makes a token that the vocabulary lacks", rank,
                     left, right);
    }
    merges_.insert({left, right, rank, merged->second});
  }
  return Status();
}

// Words can be cut where no merge could ever join what is left and right of the cut. That needs
// tokens to say what may be joined: not so when words are looked up whole, when an unknown token
// may wait for what follows, or when a merge has a token that stands for other text than its own.
void BpeModel::find_cuts(const std::vector<Merge>& merges) {
  const bool some_bytes = std::count(byte_ids_.begin(), byte_ids_.end(), kNoToken) > 0;
  if (options_.whole_words || (options_.byte_fallback && some_bytes)) return;
  std::vector<bool> stands_in(vocabulary_.size());
  if (options_.unknown) stands_in[*options_.unknown] = true;
  if (options_.byte_fallback) {
    for (const int32_t id : byte_ids_) stands_in[id] = true;
  }
  for (const Merge& merge : merges) {
    if (stands_in[merge.left] || stands_in[merge.right]) return;
  }
  joined_.resize(kJoinedBits / 64);
  for (const std::string& token : vocabulary_) {
    uint32_t before = 0;
    for (size_t at = 0; at < token.size();) {
      const bool first = at == 0;
      const uint32_t now = read_utf8(token, at);
      const size_t bit = pair_bit(before, now);
      if (!first) joined_[bit / 64] |= uint64_t{1} << bit % 64;
      before = now;
    }
  }
}

size_t BpeModel::independent_prefix(std::string_view word) const {
  if (joined_.empty()) return word.size();
  size_t at = 0;
  uint32_t before = read_utf8(word, at);
  while (at < word.size()) {
    const size_t cut = at;
    const uint32_t now = read_utf8(word, at);
    const size_t bit = pair_bit(before, now);
    if (!(joined_[bit / 64] >> bit % 64 & 1) && !fuse(before, now)) return cut;
    before = now;
  }
  return word.size();
}

bool BpeModel::fuse(uint32_t left, uint32_t right) const {
  return options_.fuse_unknown && !options_.byte_fallback &&
         character_ids_.find(left) == kNoToken && character_ids_.find(right) == kNoToken;
}

Status BpeModel::encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const {
  if (word.empty()) return Status();
  if (options_.whole_words) {
    const auto found = word_ids_.find(std::string(word));
    if (found != word_ids_.end()) {
      ids.push_back(found->second);
      return Status();
    }
  }
  scratch.first.clear();
  TUTTI_TRY(first_symbols(word, scratch.first));
  if (scratch.first.size() <= kShortWord) {
    merge_short(scratch.first, ids);
  } else {
    merge_long(scratch, ids);
    // One giant word must not pin memory.
    if (scratch.symbols.capacity() > kScratchSymbolsMax) scratch = Scratch();
  }
  return Status();
}

// The order of an unknown token and the bytes of a character behind it, where only some bytes have
// tokens, is that of Hugging Face tokenizers: the unknown one waits for the next known character.
Status BpeModel::first_symbols(std::string_view word, std::vector<int32_t>& symbols) const {
  bool unknown_waits = false;
  const auto put_waiting = [&] {
    if (std::exchange(unknown_waits, false)) symbols.push_back(*options_.unknown);
  };
  for (size_t at = 0; at < word.size();) {
    const size_t begin = at;
    const int32_t id = options_.characters ? character_ids_.find(read_utf8(word, at))
                                           : byte_ids_[static_cast<unsigned char>(word[at++])];
    if (id != kNoToken) [[likely]] {
      put_waiting();
      symbols.push_back(id);
      continue;
    }
    const std::string_view character = word.substr(begin, at - begin);
    const auto byte_id = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
    if (options_.byte_fallback && std::none_of(character.begin(), character.end(), [&](char byte) {
          return byte_id(byte) == kNoToken;
        })) {
      for (const char byte : character) symbols.push_back(byte_id(byte));
      continue;
    }
    if (!options_.unknown) {
      return invalid("'{}' is not in the vocabulary, which has no token for unknown characters",
                     character);
    }
    if (!options_.fuse_unknown) put_waiting();
    unknown_waits = true;
  }
  put_waiting();
  return Status();
}

void BpeModel::merge_short(const std::vector<int32_t>& first, std::vector<int32_t>& ids) const {
  std::array<int32_t, kShortWord> symbols;
  std::array<const MergeEntry*, kShortWord> merge;  // of symbol i with symbol i + 1
  size_t count = first.size();
  std::copy(first.begin(), first.end(), symbols.begin());
  for (size_t i = 0; i + 1 < count; ++i) merge[i] = merges_.find(symbols[i], symbols[i + 1]);

  while (count > 1) {
    size_t best = count;
    for (size_t i = 0; i + 1 < count; ++i) {
      if (merge[i] && (best == count || merge[i]->rank < merge[best]->rank)) best = i;
    }
    if (best == count) break;
    symbols[best] = merge[best]->merged;
    std::copy(symbols.begin() + best + 2, symbols.begin() + count, symbols.begin() + best + 1);
    std::copy(merge.begin() + best + 2, merge.begin() + std::max(count, best + 3) - 1,
              merge.begin() + best + 1);
    --count;
    if (best > 0) merge[best - 1] = merges_.find(symbols[best - 1], symbols[best]);
    if (best + 1 < count) merge[best] = merges_.find(symbols[best], symbols[best + 1]);
  }
  ids.insert(ids.end(), symbols.begin(), symbols.begin() + count);
}

void BpeModel::push_candidate(Scratch& scratch, int32_t left) const {
  const auto& symbol = scratch.symbols[left];
  if (symbol.next < 0) return;
  const int32_t right_id = scratch.symbols[symbol.next].id;
  if (const MergeEntry* entry = merges_.find(symbol.id, right_id)) {
    scratch.heap.push_back({entry->rank, left, symbol.id, right_id, entry->merged});
    std::push_heap(scratch.heap.begin(), scratch.heap.end(), merges_later);
  }
}

void BpeModel::merge_long(Scratch& scratch, std::vector<int32_t>& ids) const {
  TUTTI_CHECK(scratch.first.size() < INT32_MAX, "word of {} symbols", scratch.first.size());
  const auto count = static_cast<int32_t>(scratch.first.size());
  auto& symbols = scratch.symbols;
  symbols.resize(count);
  scratch.heap.clear();
  for (int32_t i = 0; i < count; ++i) {
    symbols[i] = {scratch.first[i], i - 1, i + 1 < count ? i + 1 : -1};
  }
  for (int32_t i = 0; i < count; ++i) push_candidate(scratch, i);

  while (!scratch.heap.empty()) {
    std::pop_heap(scratch.heap.begin(), scratch.heap.end(), merges_later);
    const Scratch::Candidate top = scratch.heap.back();
    scratch.heap.pop_back();
    // A merge next to it may have changed or removed either symbol since.
    auto& left = symbols[top.position];
    if (left.id != top.left || left.next < 0 || symbols[left.next].id != top.right) continue;
    auto& right = symbols[left.next];
    left.id = top.merged;
    left.next = right.next;
    right.id = kNoToken;
    if (left.next >= 0) symbols[left.next].previous = top.position;
    push_candidate(scratch, top.position);
    if (left.previous >= 0) push_candidate(scratch, left.previous);
  }
  for (int32_t i = 0; i >= 0; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace tutti
