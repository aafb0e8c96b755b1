// tutti import: a model of Hugging Face's conventions becomes a run's directory.
#include "base/format.h"
#include "command_line.h"
#include "output.h"
#include "train/import_model.h"
#include "verbs.h"

namespace tutti {
namespace {

std::string to_text(const ImportedModel& model) {
  std::string text = fmt::format(
      "model       {}, {} parameters in {} from {} file{}\n"
      "checkpoint  {}\n"
      "tokenizer   {}\n",
      model.model_type, human_count(static_cast<double>(model.parameters)),
      dtype_name(model.stored_dtype), model.files, model.files == 1 ? "" : "s", model.checkpoint,
      model.tokenizer ? "tokenizer.json" : "none");
  text += fmt::format("kept        {}\n", model.kept.empty()
                                              ? "nothing else"
                                              : fmt::format("{}", fmt::join(model.kept, ", ")));
  return text + fmt::format("fine-tune   tutti train {} data.train=PREFIX\n", model.config);
}

Json to_json(const ImportedModel& model) {
  return {{"checkpoint", model.checkpoint},
          {"config", model.config},
          {"model_type", model.model_type},
          {"parameters", model.parameters},
          {"stored_dtype", dtype_name(model.stored_dtype)},
          {"files", model.files},
          {"tokenizer", model.tokenizer},
          {"kept", model.kept}};
}

}  // namespace

int run_import(int argc, char** argv) {
  CommandLine app(
      "Make a run's directory from a Hugging Face model (gpt2, llama, mistral, qwen2, qwen3): a\n"
      "checkpoint at step 0 in F32, its tokenizer, and a config to fine-tune it with.",
      "tutti import");
  std::string from, to;
  bool json = false;
  app.add_option("HF_DIR", from, "Directory with config.json and safetensors, sharded or not")
      ->required();
  app.add_option("OUT", to, "Directory to make; one that holds a run is refused")->required();
  app.add_flag("--json", json, "Print one JSON object");
  app.footer(
      "Example:\n"
      "  tutti import ~/models/SmolLM2-135M models/smollm2\n"
      "  tutti data prepare corpus/ --tokenizer models/smollm2/tokenizer.json --out data/corpus\n"
      "  tutti train models/smollm2/config.toml data.train=data/corpus/train");
  if (const auto status = app.parse(argc, argv)) return *status;

  const auto fs = make_posix_file_system();
  const Result<ImportedModel> model = import_model(*fs, from, to);
  if (!model.ok()) return print_error("import", model.error());
  return json ? print_json("import", to_json(model.value()))
              : print_text("import", to_text(model.value()));
}

}  // namespace tutti
