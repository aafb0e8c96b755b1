#include "execute/cpu.h"

#include <sched.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <thread>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tutti {
namespace {

int allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::thread::hardware_concurrency());
}

#if defined(__x86_64__)

std::string brand_string() {
  std::array<uint32_t, 4> registers;
  if (__get_cpuid_max(0x80000000u, nullptr) < 0x80000004u) return "unknown";
  std::string text;
  for (uint32_t leaf = 0x80000002u; leaf <= 0x80000004u; ++leaf) {
    __get_cpuid(leaf, &registers[0], &registers[1], &registers[2], &registers[3]);
    char part[17] = {};
    std::memcpy(part, registers.data(), 16);
    text += part;
  }
  const size_t first = text.find_first_not_of(' ');
  const size_t last = text.find_last_not_of(' ');
  return first == std::string::npos ? "unknown" : text.substr(first, last - first + 1);
}

// GCC 12's __builtin_cpu_supports does not know AMX: bits of leaf 7, register EDX (Intel SDM,
// volume 2A, table 3-8).
bool leaf7_edx(int bit) {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && ((d >> bit) & 1u) != 0;
}

std::vector<CpuFeature> read_features() {
  __builtin_cpu_init();
  return {
      {"avx2", __builtin_cpu_supports("avx2") != 0},
      {"fma", __builtin_cpu_supports("fma") != 0},
      {"avx512f", __builtin_cpu_supports("avx512f") != 0},
      {"avx512bw", __builtin_cpu_supports("avx512bw") != 0},
      {"avx512vl", __builtin_cpu_supports("avx512vl") != 0},
      {"avx512_bf16", __builtin_cpu_supports("avx512bf16") != 0},
      {"amx_tile", leaf7_edx(24)},
      {"amx_bf16", leaf7_edx(22)},
      {"amx_int8", leaf7_edx(25)},
  };
}

#else

std::string brand_string() { return "unknown"; }
std::vector<CpuFeature> read_features() { return {}; }

#endif

}  // namespace

CpuInfo describe_cpu() {
  CpuInfo info;
  info.model = brand_string();
  info.logical_cores = allowed_cores();
  info.features = read_features();
  return info;
}

}  // namespace tutti
