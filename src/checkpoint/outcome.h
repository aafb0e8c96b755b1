// What ranks tell each other of how their part went: a value or an error, as JSON text through a
// communicator. Both calls are collective; an error of the communicator itself comes back as one
// too, and then its world is broken.
#pragma once

#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "comm/communicator.h"

namespace tutti {

using Outcome = Result<Json>;

// Rank 0's, on every rank.
Outcome share_outcome(Communicator& ranks, const Outcome& own);

// On rank 0 every rank's value in their order, or the error of the lowest rank that has one, with
// its number; on other ranks nothing.
Result<std::vector<Json>> gather_outcomes(Communicator& ranks, const Outcome& own);

}  // namespace tutti
