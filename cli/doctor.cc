// tutti doctor: what this machine is and what it can do.
#include "execute/cpu.h"
#include "output.h"
#include "verbs.h"

namespace tutti {
namespace {

nlohmann::ordered_json cpu_section() {
  const CpuInfo cpu = describe_cpu();
  nlohmann::ordered_json features;
  for (const CpuFeature& feature : cpu.features) features[feature.name] = feature.present;
  return {{"model", cpu.model}, {"logical_cores", cpu.logical_cores}, {"features", features}};
}

}  // namespace

int run_doctor(int argc, char** argv) {
  CLI::App app("Describe this machine.", "tutti doctor");
  bool json = false;
  app.add_flag("--json", json, "Print one JSON object");
  app.footer("Example:\n  tutti doctor --json");
  if (const auto status = parse_command_line(app, argc, argv)) return *status;
  return print_json("doctor", {{"cpu", cpu_section()}});
}

}  // namespace tutti
