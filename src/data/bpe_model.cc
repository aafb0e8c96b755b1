#include "data/bpe_model.h"

#include <algorithm>

namespace tutti {
namespace {

// Up to here scanning for the lowest rank beats keeping a heap.
constexpr size_t kShortWord = 32;

// std::push_heap keeps the greatest on top, so "less" is: merges later.
bool merges_later(const BpeModel::Scratch::Candidate& a, const BpeModel::Scratch::Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
}

}  // namespace

Result<BpeModel> BpeModel::create(Vocabulary vocabulary,
                                  const std::vector<std::pair<int32_t, int32_t>>& merges,
                                  bool whole_words) {
  BpeModel model;
  model.vocabulary_ = std::move(vocabulary);
  model.merges_ = MergeTable(merges.size());
  model.whole_words_ = whole_words;
  std::unordered_map<std::string, int32_t> ids;
  for (int32_t id = 0; id < model.size(); ++id) {
    if (!model.bytes(id).empty()) ids.emplace(model.bytes(id), id);
  }
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = ids.find(std::string(1, static_cast<char>(byte)));
    if (found == ids.end()) {
      return invalid(
          "the vocabulary has no token for byte {:#04x}: a byte-level model needs all 256", byte);
    }
    model.byte_ids_[byte] = found->second;
  }
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto [left, right] = merges[rank];
    if (left < 0 || right < 0 || left >= model.size() || right >= model.size()) {
      return invalid("merge {} joins tokens {} and {}, but the vocabulary ends at {}", rank, left,
                     right, model.size());
    }
    const auto merged = ids.find(model.bytes(left) + model.bytes(right));
    if (merged == ids.end()) {
      return invalid("merge {} of tokens {} and {} makes a token that the vocabulary lacks", rank,
                     left, right);
    }
    model.merges_.insert({left, right, static_cast<uint32_t>(rank), merged->second});
  }
  if (whole_words) model.word_ids_ = std::move(ids);
  return model;
}

void BpeModel::encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const {
  if (word.empty()) return;
  if (whole_words_) {
    const auto found = word_ids_.find(std::string(word));
    if (found != word_ids_.end()) {
      ids.push_back(found->second);
      return;
    }
  }
  if (word.size() <= kShortWord) {
    encode_short(word, ids);
  } else {
    encode_long(word, scratch, ids);
  }
}

void BpeModel::encode_short(std::string_view word, std::vector<int32_t>& ids) const {
  std::array<int32_t, kShortWord> symbols;
  std::array<const MergeEntry*, kShortWord> merge;  // of symbol i with symbol i + 1
  size_t count = word.size();
  for (size_t i = 0; i < count; ++i) symbols[i] = byte_ids_[static_cast<unsigned char>(word[i])];
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

void BpeModel::encode_long(std::string_view word, Scratch& scratch,
                           std::vector<int32_t>& ids) const {
  TUTTI_CHECK(word.size() < INT32_MAX, "word of {} bytes", word.size());
  const auto count = static_cast<int32_t>(word.size());
  auto& symbols = scratch.symbols;
  symbols.resize(count);
  scratch.heap.clear();
  for (int32_t i = 0; i < count; ++i) {
    symbols[i] = {byte_ids_[static_cast<unsigned char>(word[i])], i - 1,
                  i + 1 < count ? i + 1 : -1};
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
  if (symbols.capacity() > (1u << 20)) scratch = Scratch();  // one giant word must not pin memory
}

}  // namespace tutti
