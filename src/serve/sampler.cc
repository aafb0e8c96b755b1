#include "serve/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace tutti {
namespace {

// In [0, 1) with 53 bits: a float's 24 would never draw the rarest tokens of a large vocabulary.
double uniform_double(uint64_t seed, int64_t position) {
  static const uint64_t name = stable_hash("serve.sample");
  const auto words = philox(rng_key(seed, 0, name), static_cast<uint64_t>(position));
  const uint64_t bits = (uint64_t{words[1]} << 32 | words[0]) >> 11;
  return static_cast<double>(bits) * 0x1.0p-53;
}

// The first of the largest logits.
Result<int32_t> most_likely(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i])) return corrupt("the logit of token {} is not a number", i);
    if (logits[i] > logits[best]) best = i;
  }
  if (!std::isfinite(logits[best])) {
    return corrupt("the largest logit, of token {}, is {}", best, logits[best]);
  }
  return static_cast<int32_t>(best);
}

}  // namespace

Status check_sampling(const SamplingOptions& options) {
  if (!(options.temperature >= 0) || !std::isfinite(options.temperature)) {
    return invalid("temperature = {}, expected at least 0", options.temperature);
  }
  if (options.top_k < 0) return invalid("top-k = {}, expected at least 0", options.top_k);
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return invalid("top-p = {}, expected above 0 and at most 1", options.top_p);
  }
  return {};
}

Result<int32_t> Sampler::draw(std::span<const float> logits, int64_t position) {
  TUTTI_CHECK(!logits.empty());
  TUTTI_ASSIGN(const int32_t best, most_likely(logits));
  if (options_.temperature == 0) return best;
  weigh(logits, logits[static_cast<size_t>(best)]);
  keep_top_k();
  keep_top_p();
  return draw_candidate(uniform_double(options_.seed, position));
}

void Sampler::weigh(std::span<const float> logits, float largest) {
  candidates_.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    const double below = static_cast<double>(logits[i]) - static_cast<double>(largest);
    candidates_[i] = {static_cast<int32_t>(i), std::exp(below / options_.temperature)};
  }
}

// Leaves the candidates by falling weight, where there is something to leave out.
void Sampler::keep_top_k() {
  const auto more_likely = [](const Candidate& a, const Candidate& b) {
    return a.weight > b.weight || (a.weight == b.weight && a.token < b.token);
  };
  const bool cut = options_.top_k > 0 && options_.top_k < std::ssize(candidates_);
  if (cut) {
    const auto end = candidates_.begin() + options_.top_k;
    std::nth_element(candidates_.begin(), end, candidates_.end(), more_likely);
    candidates_.erase(end, candidates_.end());
  }
  if (cut || options_.top_p < 1) std::sort(candidates_.begin(), candidates_.end(), more_likely);
}

// Requires candidates by falling weight when top_p < 1.
void Sampler::keep_top_p() {
  if (options_.top_p >= 1) return;
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  double sum = 0;
  size_t kept = 0;
  while (kept < candidates_.size() && (kept == 0 || sum < options_.top_p * total)) {
    sum += candidates_[kept++].weight;
  }
  candidates_.resize(kept);
}

int32_t Sampler::draw_candidate(double uniform) const {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  const double target = uniform * total;
  double sum = 0;
  int32_t last =
      candidates_.front().token;  // of positive weight: what rounding leaves belongs to it
  for (const Candidate& candidate : candidates_) {
    if (candidate.weight <= 0) continue;
    sum += candidate.weight;
    last = candidate.token;
    if (target < sum) break;
  }
  return last;
}

}  // namespace tutti
