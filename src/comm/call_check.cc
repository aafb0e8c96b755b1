#include "comm/call_check.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/digest.h"

namespace tutti {
namespace {

constexpr std::string_view kNoCall = "nothing more";

// One line a call.
std::string text_of(std::span<const Call> calls) {
  std::string text;
  for (const Call& call : calls) text += to_string(call) + "\n";
  return text;
}

std::string_view take_line(std::string_view& text) {
  if (text.empty()) return kNoCall;
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

// The first call of which any rank has another than rank 0. Requires texts that are not all equal.
Error first_difference(std::vector<std::string_view> texts, const std::vector<int>& ranks) {
  for (int64_t number = 1;; ++number) {
    const std::string_view first = take_line(texts[0]);
    for (size_t r = 1; r < texts.size(); ++r) {
      const std::string_view line = take_line(texts[r]);
      if (line == first) continue;
      return invalid("call {} of the sequence differs: rank {} calls {}; rank {} calls {}", number,
                     ranks[r], line, ranks[0], first);
    }
  }
}

Status exchange_texts(Communicator& group, std::string text, const std::vector<int64_t>& sizes) {
  const int64_t longest = *std::max_element(sizes.begin(), sizes.end());
  const auto ranks = static_cast<size_t>(group.size());
  text.resize(static_cast<size_t>(longest));
  std::string all(ranks * text.size(), '\0');
  TUTTI_TRY(group.all_gather(text.data(), all.data(), longest, DType::kU8, "call sequence"));
  std::vector<std::string_view> texts;
  for (size_t r = 0; r < ranks; ++r) {
    texts.push_back(std::string_view(all).substr(r * text.size(), static_cast<size_t>(sizes[r])));
  }
  return first_difference(std::move(texts), group.ranks());
}

}  // namespace

Error calls_differ(std::string_view group, int64_t number, const RankCall& a, const RankCall& b) {
  return invalid("rank {} calls {}; rank {} calls {} (#{} of group {})", a.rank, a.call, b.rank,
                 b.call, number, group);
}

Status check_call_sequence(Communicator& group, std::span<const Call> calls) {
  const std::string text = text_of(calls);
  const Digest digest = digest_of(text);
  const std::array<uint64_t, 3> mine = {digest.high, digest.low, text.size()};
  const auto ranks = static_cast<size_t>(group.size());
  std::vector<std::array<uint64_t, 3>> all(ranks);
  TUTTI_TRY(group.all_gather(mine.data(), all.data(), static_cast<int64_t>(mine.size()),
                             DType::kI64, "digest of the call sequence"));
  if (std::all_of(all.begin(), all.end(), [&](const auto& one) { return one == all[0]; })) {
    return {};
  }
  std::vector<int64_t> sizes;
  for (const auto& one : all) sizes.push_back(static_cast<int64_t>(one[2]));
  return exchange_texts(group, text, sizes);
}

}  // namespace tutti
