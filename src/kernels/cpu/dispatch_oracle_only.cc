// The twin of dispatch.cc for builds without oneDNN (sanitizers, fuzzing): there is only the
// oracle.
#include "base/status.h"
#include "kernels/cpu/kernels.h"

namespace tutti::cpu {

namespace oracle {
extern const Kernels kTable;
}

const Kernels& oracle_kernels() { return oracle::kTable; }
bool has_isa(Isa) { return false; }
Isa best_isa() { return Isa::kPortable; }
const Kernels& fast_kernels(Isa) {
  TUTTI_CHECK(false, "this build has no fast kernels (TUTTI_ONEDNN=OFF)");
  return oracle::kTable;
}
const Kernels& default_kernels() { return oracle::kTable; }

}  // namespace tutti::cpu
