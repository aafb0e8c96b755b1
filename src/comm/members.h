// The ranks of a group, for checks and messages of every backend.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace tutti {

// "rank 3", "ranks 0, 1, 2"
std::string ranks_text(const std::vector<int>& ranks);

// `ranks`, of a world of `size`, can be the group `name` that `rank` asks for: they differ, and it
// is among them.
Status check_members(int rank, const std::vector<int>& ranks, int size, const std::string& name);

}  // namespace tutti
