// Draws the next token from logits. The draw at a position is a pure function of (options, logits,
// position): random numbers are counter-based, keyed by the seed and counted by the position, so a
// text does not depend on what was drawn for another, nor on how a prompt was cut into calls.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace tutti {

struct SamplingOptions {
  double temperature = 1.0;  // 0: always the most likely token, the first of equals
  int64_t top_k = 0;         // only the k most likely tokens; 0: all
  double top_p = 1.0;  // of those, the fewest likely ones whose probability is at least p together
  uint64_t seed = 0;
};

// Every option in its range; the message names the option.
Status check_sampling(const SamplingOptions& options);

// Holds scratch memory of the vocabulary's size between draws. Not thread-safe.
class Sampler {
 public:
  // Requires checked options.
  explicit Sampler(const SamplingOptions& options) : options_(options) {}

  // A token of logits[vocab], which is to stand at `position`. kCorrupt when a logit is NaN or none
  // is finite: a model that diverged. Requires at least one logit.
  Result<int32_t> draw(std::span<const float> logits, int64_t position);

 private:
  struct Candidate {
    int32_t token;
    double weight;  // probability, not normalised; the most likely token has 1
  };

  void weigh(std::span<const float> logits, float largest);
  void keep_top_k();
  void keep_top_p();
  int32_t draw_candidate(double uniform) const;

  SamplingOptions options_;
  std::vector<Candidate> candidates_;
};

}  // namespace tutti
