// Ranks that are processes, started by mpirun or srun; MPI moves the data. In a build without MPI
// the same function says so (comm/no_mpi).
//
// Waiting for a rank that has not come sleeps. A thread of the world answers other ranks' questions
// where this one is, so that who waited in vain can tell a rank that is late from one that is gone.
//
// abort() ends the job: it prints the cause, ends all ranks with MPI_Abort and does not return. Of
// ranks that abort at the same time the lowest prints; a call that fails because another rank
// aborted returns only if this process is not ended within seconds. So the one cause is printed
// once. Leave the printing to abort().
//
// A world that did not fail waits in its destructor until all ranks are there. The process may make
// several worlds, one after the other.
#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "comm/communicator.h"

namespace tutti {

// MPI moves more than this much data of one rank in several messages: its counts are ints, and
// Linux copies less than 2 GiB at once between processes.
inline constexpr int64_t kMpiMessageBytesMax = int64_t{1} << 30;

// Every rank of the job makes the call; it initialises MPI when needed. Requires no other living
// world.
Result<std::unique_ptr<World>> make_mpi_world(const WorldOptions& options,
                                              int64_t message_bytes_max = kMpiMessageBytesMax);

}  // namespace tutti
