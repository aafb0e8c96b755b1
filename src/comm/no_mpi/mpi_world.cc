#include "comm/mpi/mpi_world.h"

namespace tutti {

Result<std::unique_ptr<World>> make_mpi_world(const WorldOptions&, int64_t) {
  return error(ErrorKind::kUnavailable,
               "this build has no MPI: install libopenmpi-dev or libmpich-dev and configure with "
               "TUTTI_MPI on");
}

}  // namespace tutti
