// tutti report: a run as one HTML page.
#include "telemetry/report.h"
#include "base/format.h"
#include "command_line.h"
#include "models/presets.h"
#include "output.h"
#include "telemetry/run_charts.h"
#include "train/config_keys.h"
#include "train/run_start.h"
#include "verbs.h"

namespace tutti {
namespace {

constexpr const char* kReportName = "report.html";
constexpr const char* kStandardOutput = "-";
constexpr uint64_t kConfigBytesMax = 1 << 20;

std::string model_line(const Config& config) {
  const ModelConfig& model = config.model;
  const char* architecture = model.architecture == Architecture::kGpt2 ? "GPT-2" : "Llama";
  return fmt::format(
      "{}{}, {} parameters: {} layers of width {}, {} heads, {} tokens of vocabulary, a context of "
      "{}; {} tokens a step",
      architecture, config.preset.empty() ? "" : fmt::format(" ({})", config.preset),
      human_count(static_cast<double>(parameter_count(model))), model.layers, model.embed,
      model.heads, model.vocab, model.context, config.tokens_per_step());
}

// The run's resolved config. What model.init names is not read: it need not be there any more.
Result<Config> read_run_config(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(const std::string text, read_file(fs, path, kConfigBytesMax));
  return parse_config(text, path, {});
}

// The charts are worth having without the config, which costs a note when it cannot be read.
Result<RunReport> read_run(FileSystem& fs, std::string run_dir) {
  while (run_dir.size() > 1 && run_dir.ends_with('/')) run_dir.pop_back();
  TUTTI_ASSIGN(StepLog log, read_step_log(fs, run_dir));
  RunReport report{.title = std::string(base_name(run_dir)), .directory = run_dir};
  report.log = std::move(log);
  const Result<Config> config = read_run_config(fs, join_path(run_dir, kRunConfigName));
  if (!config.ok()) {
    report.notes.push_back("The run's config was not read: " + config.message());
    return report;
  }
  report.title = config->run.name;
  report.model = model_line(*config);
  report.steps_planned = config->train.steps;
  for (const ConfigKey& key : config_keys()) {
    report.config.push_back({std::string(key.name), key_value(key, *config)});
  }
  return report;
}

Json to_json(const RunReport& report, const std::string& file, size_t bytes) {
  Json object = {{"file", file}, {"bytes", bytes}, {"steps", report.log.records.size()}};
  if (!report.log.records.empty()) {
    const StepRecord& last = report.log.records.back();
    object["last_step"] = last.step;
    object["loss"] = last.loss;
    object["tokens"] = last.tokens;
  }
  if (const StepRecord* best = best_evaluation(report.log.records)) {
    object["best_validation_loss"] = *best->val_loss;
    object["best_validation_step"] = best->step;
  }
  object["training_s"] = training_seconds(report.log);
  object["unreadable_lines"] = report.log.unreadable;
  object["torn_line"] = report.log.torn;
  return object;
}

int write_report(FileSystem& fs, const RunReport& report, std::string file, bool json) {
  const std::string page = report_page(report);
  if (file == kStandardOutput) return print_text("report", page);
  if (file.empty()) file = join_path(report.directory, kReportName);
  const Status written = write_file_atomic(fs, file, page);
  if (!written.ok()) return print_error("report", written.error());
  if (json) return print_json("report", to_json(report, file, page.size()));
  return print_text("report", fmt::format("{}: {} steps, {}\n", file, report.log.records.size(),
                                          human_bytes(page.size())));
}

}  // namespace

int run_report(int argc, char** argv) {
  CommandLine app("Write a run as one HTML page: charts, last values, config.", "tutti report");
  std::string run_dir, file;
  bool json = false;
  app.add_option("RUN", run_dir, "The run's directory; it may still be training")->required();
  app.add_option("-o,--out", file, "The page, RUN/report.html without it; - is standard output");
  app.add_flag("--json", json, "Print one JSON object");
  app.footer(
      "The page needs no network and no script: open it, print it, send it.\n\n"
      "Examples:\n"
      "  tutti report runs/quickstart\n"
      "  tutti report runs/quickstart -o quickstart.html");
  if (const auto status = app.parse(argc, argv)) return *status;
  if (json && file == kStandardOutput) {
    return print_usage_error("report", "--json and -o - both write to standard output");
  }
  const auto fs = make_posix_file_system();
  const auto report = read_run(*fs, run_dir);
  if (!report.ok()) return print_error("report", report.error());
  return write_report(*fs, *report, file, json);
}

}  // namespace tutti
