// What a process can tell of the MPI launcher that started it, without MPI. Thread-safe as long as
// nobody changes the environment.
#pragma once

#include <optional>

namespace tutti {

// Whether mpirun, mpiexec or Slurm's srun (--mpi=pmix or pmi2) started this process as a rank.
bool started_by_mpi();

// Which rank the launcher made of this process, where it says so.
std::optional<int> mpi_rank();

// How many ranks the launcher put on this host, where it says so.
std::optional<int> mpi_local_ranks();

}  // namespace tutti
