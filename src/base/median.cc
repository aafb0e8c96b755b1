#include "base/median.h"

#include <algorithm>

#include "base/status.h"

namespace tutti {

double median(std::vector<double> values) {
  TUTTI_CHECK(!values.empty(), "median of no values");
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace tutti
