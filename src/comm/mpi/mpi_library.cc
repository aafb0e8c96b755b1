#include "comm/mpi/mpi_library.h"

#include <mpi.h>

#include <atomic>
#include <cstdlib>

#include "comm/mpi/mpi_types.h"

namespace tutti {
namespace {

// MPI itself is one per process, and so is this.
class Library {
 public:
  Library() {
    int initialised = 0;
    MPI_Initialized(&initialised);
    if (initialised) {
      MPI_Query_thread(&threads_);
      return;
    }
    // Ranks may outnumber cores. Open MPI reads this where it blocks.
    setenv("OMPI_MCA_mpi_yield_when_idle", "1", /*overwrite=*/0);
    code_ = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &threads_);
    ours_ = code_ == MPI_SUCCESS;
  }
  ~Library() {
    if (ours_ && healthy) MPI_Finalize();
  }

  Status status() const {
    TUTTI_TRY(mpi_status(code_, "starting MPI"));
    if (threads_ >= MPI_THREAD_MULTIPLE) return {};
    return error(ErrorKind::kUnavailable,
                 "this MPI cannot be called by several threads at once (MPI_THREAD_MULTIPLE)");
  }

  std::atomic<bool> healthy = true;

 private:
  int code_ = MPI_SUCCESS;
  int threads_ = MPI_THREAD_SINGLE;
  bool ours_ = false;
};

Library& library() {
  static Library instance;
  return instance;
}

}  // namespace

Status start_mpi() { return library().status(); }

void set_mpi_healthy(bool healthy) { library().healthy = healthy; }

}  // namespace tutti
