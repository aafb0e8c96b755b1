#include "execute/profile.h"

#include <fmt/format.h>

#include <algorithm>

#include "program/cost.h"

namespace tutti {

void Profile::add(const Program& program, size_t body, size_t instruction, double seconds) {
  static const OpTable kOps;
  const Body& in = program.bodies[body];
  const Instruction& i = in.instructions[instruction];
  if (kOps[i.kind].view) return;
  Row& row = rows_[fmt::format("{} {}", op_name(i.kind), in.name)];
  row.seconds += seconds;
  row.calls += 1;
  row.flops += instruction_flops(kOps, program, i);
  row.bytes += instruction_bytes(kOps, program, i);
}

double Profile::seconds() const {
  double total = 0;
  for (const auto& [name, row] : rows_) total += row.seconds;
  return total;
}

std::vector<Profile::Row> Profile::rows() const {
  std::vector<Row> result;
  const double total = seconds();
  for (const auto& [name, row] : rows_) {
    result.push_back(row);
    result.back().op = name;
    result.back().share = total > 0 ? row.seconds / total : 0;
  }
  std::sort(result.begin(), result.end(),
            [](const Row& a, const Row& b) { return a.seconds > b.seconds; });
  return result;
}

std::string format_profile(const Profile& profile, double matrix_flops_per_s,
                           double memory_bytes_per_s) {
  const double steps = static_cast<double>(std::max<int64_t>(profile.steps(), 1));
  std::string text = fmt::format("{:<36} {:>7} {:>10} {:>7} {:>9} {:>8} {:>9}\n", "op", "share",
                                 "ms/step", "calls", "GFLOP/s", "GB/s", "roofline");
  for (const Profile::Row& row : profile.rows()) {
    std::string roofline = "-";
    if (matrix_flops_per_s > 0 && memory_bytes_per_s > 0) {
      const double bound =
          std::max(row.flops / matrix_flops_per_s, row.bytes / memory_bytes_per_s);
      roofline = fmt::format("{:.0f} %", 100 * bound / row.seconds);
    }
    text += fmt::format("{:<36} {:>6.1f}% {:>10.2f} {:>7.0f} {:>9.1f} {:>8.1f} {:>9}\n", row.op,
                        100 * row.share, 1e3 * row.seconds / steps,
                        static_cast<double>(row.calls) / steps, row.flops / row.seconds / 1e9,
                        row.bytes / row.seconds / 1e9, roofline);
  }
  return text;
}

}  // namespace tutti
