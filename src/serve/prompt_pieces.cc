#include "serve/prompt_pieces.h"

#include "base/status.h"

namespace tutti {
namespace {

// What a call costs beside its tokens, in tokens: it reads every weight once. A rough figure; a few
// tokens more or less change little.
constexpr int64_t kCallTokens = 16;

struct Choice {
  size_t index = 0;
  int64_t cost = 0;  // of reading all the tokens, in tokens
};

// Either the largest size that the tokens fill, and then the rest of them, or the next one, padded.
Choice cheapest(std::span<const int64_t> sizes, int64_t tokens, int64_t room) {
  if (tokens == 0) return {};
  size_t filled = 0;
  while (filled + 1 < sizes.size() && sizes[filled + 1] <= tokens) ++filled;
  const int64_t size = sizes[filled];
  const int64_t rest = cheapest(sizes, tokens - size, room - size).cost;
  const Choice fill{filled, size + kCallTokens + rest};
  const size_t next = filled + 1;
  if (next == sizes.size() || sizes[next] > room) return fill;
  const Choice pad{next, sizes[next] + kCallTokens};
  return pad.cost < fill.cost ? pad : fill;
}

}  // namespace

size_t choose_piece(std::span<const int64_t> sizes, int64_t tokens, int64_t room) {
  TUTTI_CHECK(!sizes.empty() && sizes[0] == 1 && tokens >= 1 && tokens <= room,
              "{} sizes, {} tokens, room for {}", sizes.size(), tokens, room);
  if (tokens >= sizes.back()) return sizes.size() - 1;
  return cheapest(sizes, tokens, room).index;
}

}  // namespace tutti
