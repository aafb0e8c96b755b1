#include "data/unigram_model.h"

#include <algorithm>
#include <limits>

#include "data/code_points.h"

namespace tutti {
namespace {

// How much worse than the worst piece an unknown character is; sentencepiece's.
constexpr float kUnknownPenalty = 10;

}  // namespace

UnigramModel::UnigramModel(std::vector<Piece> pieces, const Options& options) : options_(options) {
  TUTTI_CHECK(!pieces.empty(), "no pieces");
  float worst = std::numeric_limits<float>::max(), best = std::numeric_limits<float>::min();
  for (const Piece& piece : pieces) {
    if (piece.defined) continue;
    worst = std::min(worst, piece.score);
    best = std::max(best, piece.score);
  }
  unknown_score_ = worst - kUnknownPenalty;
  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.text < b.text; });
  // Of each node to be filled: itself, the range of its pieces, its depth.
  std::vector<std::array<size_t, 4>> open = {{0, 0, pieces.size(), 0}};
  for (size_t i = 0; i < open.size(); ++i) {
    const auto [node, begin, end, depth] = open[i];
    add_children(static_cast<uint32_t>(node), pieces, begin, end, depth, open);
    if (begin < end && pieces[begin].text.size() == depth) {
      const Piece& piece = pieces[begin];
      nodes_[node].id = piece.id;
      const double defined = static_cast<float>(depth) * best - 0.1;
      nodes_[node].score = piece.defined ? static_cast<float>(defined) : piece.score;
    }
  }
}

void UnigramModel::add_children(uint32_t node, const std::vector<Piece>& pieces, size_t begin,
                                size_t end, size_t depth,
                                std::vector<std::array<size_t, 4>>& open) {
  if (begin < end && pieces[begin].text.size() == depth) ++begin;
  nodes_[node].first_child = static_cast<uint32_t>(nodes_.size());
  while (begin < end) {
    const char label = pieces[begin].text[depth];
    size_t last = begin;
    while (last < end && pieces[last].text[depth] == label) ++last;
    open.push_back({nodes_.size(), begin, last, depth + 1});
    nodes_.emplace_back().label = static_cast<unsigned char>(label);
    ++nodes_[node].children;
    begin = last;
  }
  if (nodes_[node].children <= kFew) return;
  nodes_[node].table = static_cast<uint32_t>(tables_.size());
  tables_.emplace_back().fill(kNone);
  for (uint32_t i = 0; i < nodes_[node].children; ++i) {
    const uint32_t at = nodes_[node].first_child + i;
    tables_.back()[nodes_[at].label] = at;
  }
}

uint32_t UnigramModel::child(const Node& node, unsigned char label) const {
  if (node.table != kNone) return tables_[node.table][label];
  for (uint32_t i = 0; i < node.children; ++i) {
    if (nodes_[node.first_child + i].label == label) return node.first_child + i;
  }
  return kNone;
}

void UnigramModel::extend(std::string_view text, size_t base, size_t begin, size_t& reach,
                          Scratch& scratch) const {
  const float here = scratch.ends[begin - base].score;
  size_t next = begin;
  read_utf8(text, next);
  const auto offer = [&](size_t end, float total, int32_t id) {
    if (scratch.ends.size() <= end - base) scratch.ends.resize(end - base + 1, {0, 0, -1});
    Scratch::End& best = scratch.ends[end - base];
    if (best.begin < 0 || total > best.score) {
      best = {total, id, static_cast<int32_t>(begin - base)};
    }
    reach = std::max(reach, end);
  };
  bool one_character = false;
  uint32_t at = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    at = child(nodes_[at], static_cast<unsigned char>(text[i]));
    if (at == kNone) break;
    const Node& node = nodes_[at];
    if (node.id < 0) continue;
    offer(i + 1, node.score + here, node.id);
    one_character |= i + 1 == next;
  }
  if (!one_character) offer(next, unknown_score_ + here, options_.unknown);
}

void UnigramModel::flush(std::string_view text, size_t base, size_t end, Scratch& scratch,
                         bool& after_unknown, std::vector<int32_t>& ids) const {
  scratch.ids.clear();
  std::vector<int32_t>& begins = scratch.ids;  // from the last piece to the first
  for (auto at = static_cast<int32_t>(end - base); at > 0; at = scratch.ends[at].begin) {
    begins.push_back(at);
  }
  for (size_t i = begins.size(); i-- > 0;) {
    const Scratch::End& piece = scratch.ends[begins[i]];
    const bool unknown = piece.id == options_.unknown;
    if (unknown && options_.byte_fallback) {
      for (int32_t at = piece.begin; at < begins[i]; ++at) {
        ids.push_back(options_.byte_ids[static_cast<unsigned char>(text[base + at])]);
      }
    } else if (!unknown || !after_unknown) {
      ids.push_back(piece.id);
    }
    after_unknown = unknown;
  }
}

void UnigramModel::encode(std::string_view text, Scratch& scratch,
                          std::vector<int32_t>& ids) const {
  size_t base = 0, begin = 0, reach = 0;
  bool after_unknown = false;
  scratch.ends.assign(1, {0, 0, -1});
  while (begin < text.size()) {
    if (begin == reach &&
        begin > base) {  // no piece crosses this place: every path goes through it
      flush(text, base, begin, scratch, after_unknown, ids);
      scratch.ends.assign(1, {scratch.ends[begin - base].score, 0, -1});
      base = begin;
    }
    extend(text, base, begin, reach, scratch);
    read_utf8(text, begin);
  }
  if (begin > base) flush(text, base, begin, scratch, after_unknown, ids);
}

}  // namespace tutti
