// Which of several sets each sample of a run comes from, in exact proportions.
//
// The weights become integers w_i that sum to a block of B samples; the sets' turns in a block are
// scheduled so that after any number t of draws each set had |draws_i - t w_i / B| < 1 (the
// chairman assignment problem: Tijdeman 1980; here by earliest deadline first, as Steiner and
// Yeomans 1993 show to suffice). It has no state: draw(n) is a pure function of the weights and n,
// in O(1), so the number of samples consumed is all that a checkpoint must remember. Immutable and
// thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace tutti {

class MixtureOrder {
 public:
  static constexpr int64_t kBlockMax = int64_t{1} << 20;

  // Weights that are multiples of 1e-6 and need a block of at most kBlockMax are met exactly;
  // others are rounded to parts in kBlockMax, none to nothing. Errors: no weight, more than 65,535,
  // one that is not above 0 or not finite.
  static Result<MixtureOrder> create(std::span<const double> weights);

  struct Draw {
    int32_t set;
    int64_t index;  // how many were drawn of that set before
  };
  // The draw after `consumed` others. Requires consumed >= 0.
  Draw draw(int64_t consumed) const;

  // Draws of `set` among the first `consumed`; by a search among its turns.
  int64_t drawn(int32_t set, int64_t consumed) const;

  int64_t block() const { return static_cast<int64_t>(turns_.size()); }
  // w_i: of each block of draws, how many are of the set.
  std::span<const int64_t> shares() const { return shares_; }

 private:
  struct Turn {
    int32_t set;
    int32_t rank;  // among the set's turns in the block
  };
  explicit MixtureOrder(std::vector<int64_t> shares);

  std::vector<int64_t> shares_;
  std::vector<Turn> turns_;          // of a block
  std::vector<int32_t> slots_;       // of each set's turns in a block, ascending; set after set
  std::vector<int64_t> slot_begin_;  // of each set, where in slots_
};

}  // namespace tutti
