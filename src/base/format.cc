#include "base/format.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <system_error>

namespace tutti {

std::string system_message(int code) { return std::generic_category().message(code); }

std::string human_bytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  // 1023.995 and above would print as 1024.00 of the smaller unit.
  while (value >= 1023.995 && unit + 1 < std::size(kUnits)) value /= 1024, ++unit;
  return fmt::format("{:.2f} {}", value, kUnits[unit]);
}

std::string human_count(double count) {
  constexpr const char* kUnits[] = {"k", "M", "B", "T", "P", "E"};
  if (!std::isfinite(count)) return fmt::format("{}", count);
  double value = std::abs(count);
  const char* sign = count < 0 ? "-" : "";
  if (value < 999.95) {
    return value == std::floor(value) ? fmt::format("{}{:.0f}", sign, value)
                                      : fmt::format("{}{:.1f}", sign, value);
  }
  value /= 1000;
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < std::size(kUnits)) value /= 1000, ++unit;
  return fmt::format("{}{:.1f}{}", sign, value, kUnits[unit]);
}

std::string human_duration(double seconds) {
  if (!std::isfinite(seconds)) return fmt::format("{} s", seconds);
  if (seconds < 0) return "-" + human_duration(-seconds);
  if (seconds < 999.5e-6) return fmt::format("{:.0f} us", seconds * 1e6);
  if (seconds < 0.99995) return fmt::format("{:.1f} ms", seconds * 1e3);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  if (seconds >= 1e15) return fmt::format("{:.3g} d", seconds / 86400);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  const int64_t minutes = (whole + 30) / 60;
  if (minutes < 24 * 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
  const int64_t hours = (minutes + 30) / 60;
  return fmt::format("{} d {} h", hours / 24, hours % 24);
}

}  // namespace tutti
