// How unusual a number is beside those before it: spikes of the loss or of the gradient norm.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace tutti {

// The last `window` numbers. Not thread-safe.
class ZScore {
 public:
  explicit ZScore(size_t window);  // at least 2

  // (value - mean) / standard deviation (of the population) of the window; nothing until the window
  // is full. Infinite when the window is constant and `value` differs, and for a value that is not
  // finite.
  std::optional<double> score(double value) const;
  // Takes `value` into the window in place of the oldest. One that is not finite is left out, for
  // it would make all later scores meaningless.
  void push(double value);

  double mean() const;    // 0 when empty
  double stddev() const;  // 0 when empty
  size_t size() const { return values_.size(); }
  // Oldest first. Pushing them into a new window gives one with the same scores, bit for bit.
  std::vector<double> values() const;

 private:
  // The value that is `age` younger than the oldest.
  double at(size_t age) const { return values_[(oldest_ + age) % values_.size()]; }

  size_t window_;
  size_t oldest_ = 0;
  std::vector<double> values_;
};

}  // namespace tutti
