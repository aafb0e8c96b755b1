#include "data/mixture_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>
#include <tuple>

namespace tutti {
namespace {

constexpr size_t kSetsMax = 65535;
constexpr int kDecimalsMax = 6;

// The weights times `scale` as integers; nothing when one is not near an integer, or all of them
// divided by what they share still ask for too long a block.
std::vector<int64_t> exact_shares(std::span<const double> weights, double scale) {
  std::vector<int64_t> shares;
  int64_t common = 0;
  for (const double weight : weights) {
    const double scaled = weight * scale, whole = std::round(scaled);
    if (whole < 1 || whole > 1e15 || std::fabs(scaled - whole) > 1e-9 * whole) return {};
    shares.push_back(static_cast<int64_t>(whole));
    common = std::gcd(common, shares.back());
  }
  double block = 0;
  for (int64_t& share : shares) {
    share /= common;
    block += static_cast<double>(share);
  }
  if (block > static_cast<double>(MixtureOrder::kBlockMax)) shares.clear();
  return shares;
}

// Parts in kBlockMax by largest remainders, at least one each.
std::vector<int64_t> rounded_shares(std::span<const double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<int64_t> shares;
  std::vector<std::pair<double, size_t>> remainders;
  int64_t left = MixtureOrder::kBlockMax;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double part = weights[i] / sum * static_cast<double>(MixtureOrder::kBlockMax);
    shares.push_back(std::max<int64_t>(1, static_cast<int64_t>(part)));
    remainders.emplace_back(part - static_cast<double>(shares.back()), i);
    left -= shares.back();
  }
  std::sort(remainders.begin(), remainders.end(), [](const auto& a, const auto& b) {
    return std::tie(b.first, a.second) < std::tie(a.first, b.second);
  });
  for (size_t i = 0; left > 0; i = (i + 1) % remainders.size(), --left) {
    ++shares[remainders[i].second];
  }
  while (left < 0) {  // many that were raised to one: the largest give
    --*std::max_element(shares.begin(), shares.end());
    ++left;
  }
  return shares;
}

}  // namespace

Result<MixtureOrder> MixtureOrder::create(std::span<const double> weights) {
  if (weights.empty() || weights.size() > kSetsMax) {
    return invalid("a mixture of {} sets: expected 1 to {}", weights.size(), kSetsMax);
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] > 0) || !std::isfinite(weights[i])) {
      return invalid("weight {} of set {}: expected a number above 0", weights[i], i);
    }
  }
  for (int decimals = 0; decimals <= kDecimalsMax; ++decimals) {
    std::vector<int64_t> shares = exact_shares(weights, std::pow(10.0, decimals));
    if (!shares.empty()) return MixtureOrder(std::move(shares));
  }
  return MixtureOrder(rounded_shares(weights));
}

// Turn j (from 1) of a set with share w may be in slots (j - 1) B / w < t, or the set would be one
// ahead, and must be in one of t <= ceil(j B / w), or it would be one behind.
MixtureOrder::MixtureOrder(std::vector<int64_t> shares) : shares_(std::move(shares)) {
  struct Next {
    int64_t when;  // the slot from which it may be, or until which it must be
    int32_t set;
    int32_t rank;
    bool operator>(const Next& other) const {
      return std::tie(when, set) > std::tie(other.when, other.set);
    }
  };
  using Earliest = std::priority_queue<Next, std::vector<Next>, std::greater<>>;
  Earliest waiting, allowed;
  const int64_t block = std::accumulate(shares_.begin(), shares_.end(), int64_t{0});
  slots_.resize(static_cast<size_t>(block));
  slot_begin_.resize(shares_.size());
  std::exclusive_scan(shares_.begin(), shares_.end(), slot_begin_.begin(), int64_t{0});
  for (size_t set = 0; set < shares_.size(); ++set) {
    waiting.push({1, static_cast<int32_t>(set), 0});
  }
  turns_.reserve(static_cast<size_t>(block));
  for (int64_t slot = 1; slot <= block; ++slot) {
    while (!waiting.empty() && waiting.top().when <= slot) {
      Next next = waiting.top();
      waiting.pop();
      const int64_t share = shares_[next.set];
      next.when = ((next.rank + 1) * block + share - 1) / share;
      allowed.push(next);
    }
    TUTTI_CHECK(!allowed.empty() && allowed.top().when >= slot, "slot {} of {}", slot, block);
    Next turn = allowed.top();
    allowed.pop();
    turns_.push_back({turn.set, turn.rank});
    slots_[slot_begin_[turn.set] + turn.rank] = static_cast<int32_t>(slot - 1);
    const int64_t share = shares_[turn.set];
    ++turn.rank;
    turn.when = turn.rank * block / share + 1;
    if (turn.rank < share) waiting.push(turn);
  }
}

MixtureOrder::Draw MixtureOrder::draw(int64_t consumed) const {
  TUTTI_CHECK(consumed >= 0, "{} samples consumed", consumed);
  const Turn& turn = turns_[static_cast<size_t>(consumed % block())];
  return {turn.set, consumed / block() * shares_[turn.set] + turn.rank};
}

int64_t MixtureOrder::drawn(int32_t set, int64_t consumed) const {
  TUTTI_CHECK(consumed >= 0, "{} samples consumed", consumed);
  const auto begin = slots_.begin() + slot_begin_[set], end = begin + shares_[set];
  const auto next = std::lower_bound(begin, end, consumed % block());
  return consumed / block() * shares_[set] + (next - begin);
}

}  // namespace tutti
