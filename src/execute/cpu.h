// What this processor is, from the CPUID instruction and the operating system's scheduler.
// Thread-safe: nothing is kept.
#pragma once

#include <string>
#include <vector>

namespace tutti {

struct CpuFeature {
  std::string name;  // "avx2", "fma", "avx512f", "avx512_bf16", "amx_tile" ...
  bool present = false;
};

struct CpuInfo {
  std::string model;      // the brand string, or "unknown" where there is no CPUID
  int logical_cores = 0;  // those this process may run on (its affinity mask)
  std::vector<CpuFeature> features;
};

CpuInfo describe_cpu();

}  // namespace tutti
