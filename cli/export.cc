// tutti export: a trained model in Hugging Face's conventions.
#include "base/format.h"
#include "base/signal.h"
#include "command_line.h"
#include "output.h"
#include "train/export_model.h"
#include "verbs.h"

namespace tutti {
namespace {

std::string to_text(const ExportedModel& model, const ExportOptions& options) {
  return fmt::format(
      "source  {} (step {})\n"
      "model   {}, {} parameters, {} of {}\n"
      "files   {}\n"
      "load    AutoModelForCausalLM.from_pretrained(\"{}\")\n",
      model.source, model.step, model.model_type,
      human_count(static_cast<double>(model.parameters)), human_bytes(model.bytes),
      dtype_name(options.weights.dtype), fmt::join(model.files, ", "), options.to);
}

Json to_json(const ExportedModel& model, const ExportOptions& options) {
  return {{"source", model.source},         {"step", model.step},
          {"directory", options.to},        {"model_type", model.model_type},
          {"parameters", model.parameters}, {"dtype", dtype_name(options.weights.dtype)},
          {"bytes", model.bytes},           {"files", model.files}};
}

}  // namespace

int run_export(int argc, char** argv) {
  CommandLine app("Write a trained model as a Hugging Face directory, which transformers loads.",
                  "tutti export");
  ExportOptions options;
  std::string dtype = "f32";
  bool json = false;
  app.add_option("CHECKPOINT", options.from,
                 "A checkpoint, a run directory (its newest one), or a Hugging Face directory")
      ->required();
  app.add_option("HF_DIR", options.to, "Directory to write; made when it is missing")->required();
  app.add_option("--dtype", dtype, "What weights are stored as")
      ->one_of({"f32", "bf16", "f16"})
      ->capture_default_str();
  app.add_option("--shard-size", options.weights.shard_bytes_max,
                 "Bytes of weights in a file at most, such as 5GB; more are sharded")
      ->as_size()
      ->capture_default_str();
  app.add_flag("--force", options.force, "Replace a model that is there");
  app.add_flag("--json", json, "Print one JSON object");
  app.footer(
      "Example:\n"
      "  tutti export runs/quickstart models/quickstart --dtype bf16\n"
      "  python -c 'import transformers; print(transformers.pipeline(\"text-generation\",\n"
      "      \"models/quickstart\")(\"The open function\"))'");
  if (const auto status = app.parse(argc, argv)) return *status;
  if (options.weights.shard_bytes_max == 0) {
    return print_usage_error("export", "--shard-size: 0 bytes hold no weights");
  }
  options.weights.dtype = *parse_dtype(dtype);

  const auto fs = make_posix_file_system();
  const StopSignal stop;
  options.weights.stop_requested = [&stop] { return stop.requested(); };
  const Result<ExportedModel> model = export_model(*fs, options);
  if (!model.ok()) {
    print_error("export", model.error());
    return model.error().kind == ErrorKind::kInterrupted ? 128 + stop.caught() : kExitFailed;
  }
  return json ? print_json("export", to_json(model.value(), options))
              : print_text("export", to_text(model.value(), options));
}

}  // namespace tutti
