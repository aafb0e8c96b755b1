// The middle of some numbers. Thread-safe: no state.
#pragma once

#include <vector>

namespace tutti {

// Of an even number of values the larger of the middle two. Requires a value, and no NaN.
double median(std::vector<double> values);

}  // namespace tutti
