#include "comm/members.h"

#include <algorithm>

namespace tutti {

std::string ranks_text(const std::vector<int>& ranks) {
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

Status check_members(int rank, const std::vector<int>& ranks, int size, const std::string& name) {
  std::vector<int> sorted = ranks;
  std::sort(sorted.begin(), sorted.end());
  const bool twice = std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
  const bool inside = !sorted.empty() && sorted.front() >= 0 && sorted.back() < size;
  if (inside && !twice && std::binary_search(sorted.begin(), sorted.end(), rank)) return {};
  return invalid("group {} of {}: expected different ranks below {}, with rank {} among them", name,
                 ranks_text(ranks), size, rank);
}

}  // namespace tutti
