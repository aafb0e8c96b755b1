// MPI's own life: it is initialised once in a process and ended when the process exits, whatever
// worlds came and went between.
#pragma once

#include "base/status.h"

namespace tutti {

// Initialises MPI for calls from any thread, the first time. Where somebody else has, ending it is
// theirs too.
Status start_mpi();

// Whether all ranks can end MPI together, as the last world leaves them. If not, the process just
// exits, and the launcher ends the others.
void set_mpi_healthy(bool healthy);

}  // namespace tutti
