// Chooses among the instances by what the CPU has. Its twin for builds without them is
// dispatch_oracle_only.cc.
#include "base/status.h"
#include "kernels/cpu/kernels.h"

namespace tutti::cpu {

namespace oracle {
extern const Kernels kTable;
}
namespace portable {
extern const Kernels kTable;
}
namespace v3 {
extern const Kernels kTable;
}
namespace v4 {
extern const Kernels kTable;
}

const Kernels& oracle_kernels() { return oracle::kTable; }

bool has_isa(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return true;
    case Isa::kV3:
      return __builtin_cpu_supports("x86-64-v3");
    case Isa::kV4:
      return __builtin_cpu_supports("x86-64-v4");
  }
  return false;
}

Isa best_isa() {
  for (const Isa isa : {Isa::kV4, Isa::kV3}) {
    if (has_isa(isa)) return isa;
  }
  return Isa::kPortable;
}

const Kernels& fast_kernels(Isa isa) {
  TUTTI_CHECK(has_isa(isa), "this CPU cannot run instruction set {}", static_cast<int>(isa));
  switch (isa) {
    case Isa::kPortable:
      break;
    case Isa::kV3:
      return v3::kTable;
    case Isa::kV4:
      return v4::kTable;
  }
  return portable::kTable;
}

const Kernels& default_kernels() { return fast_kernels(best_isa()); }

}  // namespace tutti::cpu
