// tutti data: turn documents into a token dataset, and look at one.
#include "base/format.h"
#include "base/signal.h"
#include "command_line.h"
#include "corpus_flags.h"
#include "data/prepare.h"
#include "data_inspect.h"
#include "output.h"
#include "progress.h"
#include "train/config.h"
#include "verbs.h"

namespace tutti {
namespace {

struct PrepareFlags {
  CorpusFlags corpus;
  std::string out, tokenizer = "tokenizer.json", config;
  double validation = 0.05;
  uint64_t commit_bytes = PrepareOptions().commit_bytes;
  CommandLineOption* tokenizer_option = nullptr;
};

std::string counts_line(const char* name, const SplitCounts& counts) {
  const double ratio = counts.tokens > 0 ? double(counts.text_bytes) / counts.tokens : 0;
  return fmt::format("  {:<11} {} tokens, {} documents of {} files, {:.2f} bytes a token\n", name,
                     counts.tokens, counts.documents, counts.files, ratio);
}

Result<PrepareOptions> prepare_options(FileSystem& fs, const PrepareFlags& flags) {
  PrepareOptions options;
  options.inputs = flags.corpus.inputs;
  options.directory = flags.out;
  options.tokenizer = flags.tokenizer;
  TUTTI_ASSIGN(options.documents, flags.corpus.documents());
  options.validation = flags.validation;
  options.threads = flags.corpus.threads;
  options.commit_bytes = flags.commit_bytes;
  if (flags.config.empty()) return options;
  TUTTI_ASSIGN(const Config config, load_config(fs, flags.config, {}));
  if (flags.tokenizer_option->count() == 0 && !config.tokenizer.path.empty()) {
    options.tokenizer = config.tokenizer.path;
  }
  if (flags.corpus.invalid_utf8_option->count() == 0) {
    options.documents.invalid_utf8 = config.data.invalid_utf8;
  }
  return options;
}

Result<int> prepare(FileSystem& fs, const PrepareFlags& flags, const StopSignal& stop, bool json) {
  TUTTI_ASSIGN(PrepareOptions options, prepare_options(fs, flags));
  options.stop_requested = [&stop] { return stop.requested(); };
  Progress progress;
  TUTTI_ASSIGN(const PreparedDataset prepared,
               prepare_dataset(fs, options, [&](const PrepareProgress& state) {
                 progress.show(state.phase, state.bytes_done, state.bytes_total, true);
               }));
  const DatasetMetadata& metadata = prepared.metadata;
  if (json) {
    return print_json("data", {{"directory", flags.out},
                               {"reused", prepared.reused},
                               {"resumed", prepared.resumed},
                               {"vocab_size", metadata.vocab_size},
                               {"loss_mask", metadata.loss_mask},
                               {"train", split_counts_json(metadata.train)},
                               {"validation", split_counts_json(metadata.validation)},
                               {"unigram_entropy_nats", metadata.unigram_entropy_nats}});
  }
  const char* how = prepared.reused    ? " (unchanged, reused)"
                    : prepared.resumed ? " (went on with a preparation that was cut off)"
                                       : "";
  return print_text(
      "data", fmt::format("{}{}: vocabulary {}, unigram entropy {:.3f} nats\n{}{}", flags.out, how,
                          metadata.vocab_size, metadata.unigram_entropy_nats,
                          counts_line("train", metadata.train),
                          counts_line("validation", metadata.validation)));
}

// A signal ends it after the batch under way.
int prepare_or_stop(FileSystem& fs, const PrepareFlags& flags, bool json) {
  const StopSignal stop;
  const Result<int> exit = prepare(fs, flags, stop, json);
  if (exit.ok()) return *exit;
  print_error("data", exit.error());
  return exit.error().kind == ErrorKind::kInterrupted ? 128 + stop.caught() : kExitFailed;
}

CommandLine* add_prepare(CommandLine& app, PrepareFlags& flags) {
  CommandLine* prepare_app =
      app.add_subcommand("prepare", "Documents → train and validation tokens");
  flags.corpus.add_to(*prepare_app);
  prepare_app->add_option("--out", flags.out, "Directory to write")->required();
  flags.tokenizer_option =
      prepare_app
          ->add_option("--tokenizer", flags.tokenizer, "A tokenizer.json or sentencepiece .model")
          ->capture_default_str();
  prepare_app->add_option("--config", flags.config,
                          "A run config: its tokenizer.path and data.invalid_utf8, where no flag "
                          "says otherwise");
  prepare_app->add_option("--validation", flags.validation, "Fraction held out")
      ->capture_default_str();
  prepare_app
      ->add_option("--commit-bytes", flags.commit_bytes,
                   "Of input between two points from which a killed preparation goes on")
      ->range(1, int64_t{1} << 40)
      ->capture_default_str();
  prepare_app->footer(
      "Killed at any moment, the same command goes on where it stopped and gives the same "
      "bytes.\n\n"
      "Examples:\n"
      "  tutti data prepare '/usr/share/perl/*/pod/*.pod' --tokenizer t.json --out data\n"
      "  tutti data prepare chats.jsonl --format chat --tokenizer t.json --out data/chats");
  return prepare_app;
}

CommandLine* add_inspect(CommandLine& app, InspectFlags& flags) {
  CommandLine* inspect_app = app.add_subcommand(
      "inspect", "Counts, lengths, repeated documents and some text; of a config the mixture");
  inspect_app
      ->add_option("PATH", flags.path,
                   "A prepared directory, a PREFIX or a .bin; or a run config that ends in .toml")
      ->required();
  inspect_app->add_option("OVERRIDE", flags.overrides, "Of a config: section.key=value");
  inspect_app->add_option("--tokenizer", flags.tokenizer, "To decode; a directory has its own");
  inspect_app->add_option("--samples", flags.samples, "Documents to show; of a config samples")
      ->range(0, 10000)
      ->capture_default_str();
  inspect_app->add_option("--sample-tokens", flags.sample_tokens, "Of each, the first tokens")
      ->range(1, 1 << 20)
      ->capture_default_str();
  inspect_app->add_option("--seed", flags.seed, "Chooses the documents")->capture_default_str();
  inspect_app->footer(
      "Examples:\n  tutti data inspect data/books --samples 3\n"
      "  tutti data inspect run.toml train.steps=5000");
  return inspect_app;
}

}  // namespace

int run_data(int argc, char** argv) {
  CommandLine app("Prepare and inspect token datasets (Megatron-LM's .bin/.idx).", "tutti data");
  app.footer("Example:\n  tutti data prepare books/ --tokenizer tokenizer.json --out data/books");
  bool json = false;
  PrepareFlags preparing;
  InspectFlags inspecting;
  CommandLine* prepare_app = add_prepare(app, preparing);
  CommandLine* inspect_app = add_inspect(app, inspecting);
  for (CommandLine* verb : {prepare_app, inspect_app}) {
    verb->add_flag("--json", json, "Print one JSON object");
  }
  if (const auto status = app.parse(argc, argv)) return *status;
  const auto fs = make_posix_file_system();
  if (prepare_app->parsed()) return prepare_or_stop(*fs, preparing, json);
  const Result<int> exit = inspect_data(*fs, inspecting, json);
  return exit.ok() ? *exit : print_error("data", exit.error());
}

}  // namespace tutti
