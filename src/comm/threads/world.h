// Ranks that are threads of one process: the backend "threads". Calls act on the ranks' buffers
// directly, and every call is compared with the other ranks'.
//
// A world that is destroyed says that its rank has left: calls that wait for it fail.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "comm/communicator.h"

namespace tutti {

// One World a rank, each for the thread, or the lanes, of its rank. A World must outlive its
// communicators, and the clock, which must be thread-safe, all worlds.
std::vector<std::unique_ptr<World>> make_thread_worlds(int ranks, const WorldOptions& options,
                                                       Clock& clock);

}  // namespace tutti
