// The calibration file of execute/machine.h.
#include <cstdlib>
#include <vector>

#include "base/json.h"
#include "execute/machine.h"

namespace tutti {
namespace {

constexpr int kVersion = 1;
constexpr uint64_t kFileBytesMax = 1 << 20;

bool is_rate(const Json& entry, const char* name) {
  return entry.contains(name) && entry[name].is_number() && entry[name].get<double>() > 0;
}

Result<MachinePeaks> parse_entry(const std::string& path, size_t index, const Json& entry) {
  const bool complete =
      entry.is_object() && entry.contains("cpu_model") && entry["cpu_model"].is_string() &&
      entry.contains("threads") && entry["threads"].is_integer() &&
      entry.contains("matrix_library") && entry["matrix_library"].is_string() &&
      is_rate(entry, "matrix_flops_per_s") && is_rate(entry, "memory_bytes_per_s");
  if (!complete) {
    return corrupt(
        "{}: machines[{}] is not an object with cpu_model, threads, matrix_library and "
        "positive matrix_flops_per_s and memory_bytes_per_s",
        path, index);
  }
  MachinePeaks peaks;
  peaks.id = {entry["cpu_model"].text(), entry["threads"].get<int32_t>(),
              entry["matrix_library"].text()};
  peaks.matrix_flops_per_s = entry["matrix_flops_per_s"].get<double>();
  peaks.memory_bytes_per_s = entry["memory_bytes_per_s"].get<double>();
  return peaks;
}

// Every entry of the file; none when there is no file.
Result<std::vector<MachinePeaks>> read_all(FileSystem& fs, const std::string& path) {
  std::vector<MachinePeaks> all;
  if (!exists(fs, path)) return all;
  TUTTI_ASSIGN(const std::string text, read_file(fs, path, kFileBytesMax));
  Json root;
  if (read_json(text, root) || !root.contains("version") || root["version"] != kVersion) {
    return corrupt("{}: not a JSON object with version {}", path, kVersion);
  }
  const Json* machines = root.find("machines");
  if (machines == nullptr || !machines->is_array())
    return corrupt("{}: machines is not a list", path);
  for (size_t i = 0; i < machines->size(); ++i) {
    TUTTI_ASSIGN(MachinePeaks peaks, parse_entry(path, i, (*machines)[i]));
    all.push_back(std::move(peaks));
  }
  return all;
}

std::string format(const std::vector<MachinePeaks>& all) {
  Json machines = Json::array();
  for (const MachinePeaks& peaks : all) {
    machines.push_back({{"cpu_model", peaks.id.cpu_model},
                        {"threads", peaks.id.threads},
                        {"matrix_library", peaks.id.matrix_library},
                        {"matrix_flops_per_s", peaks.matrix_flops_per_s},
                        {"memory_bytes_per_s", peaks.memory_bytes_per_s}});
  }
  const Json root = {{"version", kVersion}, {"machines", machines}};
  return root.dump(2) + "\n";
}

}  // namespace

Result<std::string> calibration_path() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  // The XDG base directory specification: a relative path is to be ignored.
  if (cache != nullptr && cache[0] == '/') return join_path(cache, "tutti/machine.json");
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] != '\0') return join_path(home, ".cache/tutti/machine.json");
  return not_found("neither XDG_CACHE_HOME nor HOME is set, so there is no calibration file");
}

Result<std::optional<MachinePeaks>> read_calibration(FileSystem& fs, const std::string& path,
                                                     const MachineId& id) {
  TUTTI_ASSIGN(const std::vector<MachinePeaks> all, read_all(fs, path));
  for (const MachinePeaks& peaks : all) {
    if (peaks.id == id) return std::optional<MachinePeaks>(peaks);
  }
  return std::optional<MachinePeaks>();
}

Status write_calibration(FileSystem& fs, const std::string& path, const MachinePeaks& peaks) {
  Result<std::vector<MachinePeaks>> stored = read_all(fs, path);
  std::vector<MachinePeaks> all;
  if (stored.ok()) all = std::move(stored).value();
  std::erase_if(all, [&](const MachinePeaks& old) { return old.id == peaks.id; });
  all.push_back(peaks);
  TUTTI_TRY(fs.create_directories(parent_path(path)));
  return write_file_atomic(fs, path, format(all));
}

}  // namespace tutti
