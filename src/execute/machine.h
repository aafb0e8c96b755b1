// What this machine can do at most, measured once and kept: the peaks that model FLOP utilisation
// and the cost model are relative to.
//
// The calibration file, ${XDG_CACHE_HOME:-~/.cache}/tutti/machine.json, holds one entry for each
// CPU model, thread count and matrix library. Training reads it before the start and never
// measures there; `tutti doctor` does, and training may once it has ended. Thread-safe, but a
// measurement is only right when nothing else runs. The measurement sets the number of OpenMP
// threads of the calling thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/fs.h"
#include "base/status.h"

namespace tutti {

// What a measurement is valid for.
struct MachineId {
  std::string cpu_model;
  int threads = 0;
  std::string matrix_library;

  friend bool operator==(const MachineId&, const MachineId&) = default;
};

struct MachinePeaks {
  MachineId id;
  double matrix_flops_per_s = 0;  // FP32; a product of n x n matrices counts 2 n^3
  double memory_bytes_per_s = 0;  // a = b + s c, three arrays counted (STREAM's triad)
};

MachineId this_machine(int threads);

// Measures for about `seconds`. Fails with kResource when 192 MiB of memory are not there.
Result<MachinePeaks> measure_machine(Clock& clock, int threads, double seconds = 1.0);

// The path of the calibration file from the environment; an error when neither XDG_CACHE_HOME nor
// HOME is set.
Result<std::string> calibration_path();

// The stored peaks; nothing when the file or the entry is missing. A damaged file is kCorrupt.
Result<std::optional<MachinePeaks>> read_calibration(FileSystem& fs, const std::string& path,
                                                     const MachineId& id);

// Adds or replaces an entry, atomically. Other entries stay; a damaged file is replaced.
Status write_calibration(FileSystem& fs, const std::string& path, const MachinePeaks& peaks);

}  // namespace tutti
