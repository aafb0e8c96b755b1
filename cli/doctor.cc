// tutti doctor: what this machine is, what it can do, and what would be better otherwise.
#include <google/protobuf/stubs/common.h>
#include <omp.h>
#include <spdlog/version.h>
#include <stdlib.h>
#include <toml++/toml.h>
#include <xxhash.h>
#include <zstd.h>
#include <CLI/Version.hpp>
#include <nlohmann/json_fwd.hpp>

#include "base/format.h"
#include "base/log.h"
#include "command_line.h"
#include "execute/cpu.h"
#include "execute/host.h"
#include "execute/machine.h"
#include "execute/matrix_product.h"
#include "output.h"
#include "verbs.h"

namespace tutti {
namespace {

Json cpu_section(int threads) {
  const CpuInfo cpu = describe_cpu();
  Json features = Json::object();
  for (const CpuFeature& feature : cpu.features) features[feature.name] = feature.present;
  return {{"model", cpu.model},
          {"logical_cores", cpu.logical_cores},
          {"openmp_threads", threads},
          {"features", features}};
}

Json memory_section() {
  const HostMemory memory = describe_memory();
  return {{"total_bytes", memory.total_bytes},
          {"available_bytes", memory.available_bytes},
          {"available_limit", memory.available_limit},
          {"transparent_huge_pages", memory.transparent_huge_pages}};
}

// What this program was built with; the matrix library is the one that is loaded.
Json libraries_section() {
  const int protobuf = GOOGLE_PROTOBUF_VERSION;
  return {{"compiler", __VERSION__},
          {"matrix", matrix_product_library()},
          {"openmp", _OPENMP},
          {"protobuf",
           fmt::format("{}.{}.{}", protobuf / 1000000, protobuf / 1000 % 1000, protobuf % 1000)},
          {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100,
                              FMT_VERSION % 100)},
          {"spdlog", fmt::format("{}.{}.{}", SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
          {"tomlplusplus", fmt::format("{}.{}.{}", TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH)},
          {"nlohmann_json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR,
                                        NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
          {"cli11", CLI11_VERSION},
          {"xxhash",
           fmt::format("{}.{}.{}", XXH_VERSION_MAJOR, XXH_VERSION_MINOR, XXH_VERSION_RELEASE)},
          {"zstd", ZSTD_VERSION_STRING}};
}

Result<Json> disk_section(FileSystem& fs, const std::string& directory) {
  TUTTI_ASSIGN(const uint64_t free_bytes, fs.free_bytes(directory));
  return Json{{"directory", directory}, {"free_bytes", free_bytes}};
}

// The stored peaks; when there are none, or `again`, measures and stores them. A cache that cannot
// be read or written costs a warning, not the answer.
Result<MachinePeaks> find_peaks(FileSystem& fs, int threads, bool again) {
  const Result<std::string> path = calibration_path();
  if (!path.ok()) log_warning("{}", path.message());
  if (path.ok() && !again) {
    const auto stored = read_calibration(fs, *path, this_machine(threads));
    if (!stored.ok()) log_warning("{}; measuring again", stored.message());
    if (stored.ok() && stored->has_value()) return **stored;
  }
  TUTTI_ASSIGN(const MachinePeaks peaks, measure_machine(*make_system_clock(), threads));
  if (path.ok()) {
    const Status written = write_calibration(fs, *path, peaks);
    if (!written.ok()) log_warning("the measurement was not kept: {}", written.message());
  }
  return peaks;
}

// Programs that wanted to run in the last minute, as the kernel averages it; 0 when not told.
double load_average() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : 0;
}

Json advice(const Json& report) {
  Json list = Json::array();
  if (load_average() > 0.5 * report["cpu"]["logical_cores"].get<int>()) {
    list.push_back(fmt::format(
        "the machine is busy (load {:.1f}): peaks measured now are too low; run tutti doctor "
        "--measure when it is idle",
        load_average()));
  }
  if (report["cpu"]["features"]["avx2"] == false) {
    list.push_back("this CPU has no AVX2: kernels run several times slower than they could");
  }
  if (report["memory"]["transparent_huge_pages"] == "never") {
    list.push_back(
        "transparent huge pages are off: write madvise to "
        "/sys/kernel/mm/transparent_hugepage/enabled");
  }
  if (report["memory"]["available_bytes"].get<uint64_t>() < (uint64_t{2} << 30)) {
    list.push_back("less than 2 GiB of memory is available: only tiny models fit");
  }
  if (report["disk"]["free_bytes"].get<uint64_t>() < (uint64_t{5} << 30)) {
    list.push_back("less than 5 GiB of disk is free: a checkpoint holds 12 bytes a parameter");
  }
  return list;
}

std::string feature_names(const Json& features, bool present) {
  std::string names;
  for (const auto& [name, value] : features.members()) {
    if (value.get<bool>() == present) names += (names.empty() ? "" : " ") + name;
  }
  return names.empty() ? "none" : names;
}

std::string to_text(const Json& report) {
  const Json &cpu = report["cpu"], &memory = report["memory"], &peaks = report["measured"];
  std::string text = fmt::format(
      "CPU        {}\n"
      "  cores    {} usable, {} OpenMP threads\n"
      "  has      {}\n"
      "  has not  {}\n",
      cpu["model"].get<std::string>(), cpu["logical_cores"].get<int>(),
      cpu["openmp_threads"].get<int>(), feature_names(cpu["features"], true),
      feature_names(cpu["features"], false));
  text += fmt::format("Memory     {} of {} available (limit: {}); transparent huge pages: {}\n",
                      human_bytes(memory["available_bytes"].get<uint64_t>()),
                      human_bytes(memory["total_bytes"].get<uint64_t>()),
                      memory["available_limit"].get<std::string>(),
                      memory["transparent_huge_pages"].get<std::string>());
  text += fmt::format("Disk       {} free in {}\n",
                      human_bytes(report["disk"]["free_bytes"].get<uint64_t>()),
                      report["disk"]["directory"].get<std::string>());
  text +=
      fmt::format("Measured   {:.1f} GFLOP/s FP32 matrix product, {:.1f} GB/s memory, {} threads\n",
                  peaks["matrix_flops_per_s"].get<double>() / 1e9,
                  peaks["memory_bytes_per_s"].get<double>() / 1e9, peaks["threads"].get<int>());
  std::vector<std::string> libraries;
  for (const auto& [name, version] : report["libraries"].members()) {
    libraries.push_back(name + " " + (version.is_string() ? version.text() : version.dump()));
  }
  text += fmt::format("Libraries  {}\n", fmt::join(libraries, ", "));
  for (const Json& line : report["advice"]) text += "Advice     " + line.get<std::string>() + "\n";
  return text;
}

Result<Json> examine(FileSystem& fs, const std::string& directory, int threads, bool again) {
  Json report;
  report["version"] = TUTTI_VERSION;
  report["cpu"] = cpu_section(threads);
  report["memory"] = memory_section();
  TUTTI_ASSIGN(report["disk"], disk_section(fs, directory));
  TUTTI_ASSIGN(const MachinePeaks peaks, find_peaks(fs, threads, again));
  report["measured"] = {{"threads", peaks.id.threads},
                        {"matrix_flops_per_s", peaks.matrix_flops_per_s},
                        {"memory_bytes_per_s", peaks.memory_bytes_per_s}};
  report["libraries"] = libraries_section();
  report["advice"] = advice(report);
  return report;
}

}  // namespace

int run_doctor(int argc, char** argv) {
  CommandLine app(
      "Describe this machine: CPU, memory, disk, libraries and measured peaks. The peaks are "
      "measured once (about a second) and kept.",
      "tutti doctor");
  bool json = false, again = false;
  int threads = omp_get_max_threads();
  std::string directory = ".";
  app.add_flag("--json", json, "Print one JSON object");
  app.add_flag("--measure", again, "Measure again, even when the peaks are known");
  app.add_option("--threads", threads, "Threads to measure with")->range(1, 4096);
  app.add_option("--dir", directory, "Directory whose disk is looked at");
  app.footer("Example:\n  tutti doctor --json");
  if (const auto status = app.parse(argc, argv)) return *status;

  const auto fs = make_posix_file_system();
  const Result<Json> report = examine(*fs, directory, threads, again);
  if (!report.ok()) return print_error("doctor", report.error());
  return json ? print_json("doctor", *report) : print_text("doctor", to_text(*report));
}

}  // namespace tutti
