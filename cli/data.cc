// tutti data: turn documents into a token dataset, and look at one.
#include <cmath>

#include "base/format.h"
#include "base/signal.h"
#include "corpus_flags.h"
#include "data/indexed_dataset.h"
#include "data/prepare.h"
#include "data/sample_order.h"
#include "data/tokenizer.h"
#include "output.h"
#include "progress.h"
#include "verbs.h"

namespace tutti {
namespace {

using Json = nlohmann::ordered_json;

struct PrepareFlags {
  CorpusFlags corpus;
  std::string out, tokenizer = "tokenizer.json";
  double validation = 0.05;
};

struct InspectFlags {
  std::string path, tokenizer;
  int samples = 2;
  int sample_tokens = 64;
  uint64_t seed = 0;
};

// What an IndexedDataset says of itself, and how some of its documents begin.
struct Inspection {
  std::string prefix;
  int64_t documents = 0, tokens = 0;
  int32_t token_max = 0;
  double entropy_nats = 0;
  std::vector<std::pair<int64_t, std::string>> samples;
};

Json counts_json(const SplitCounts& counts) {
  return {{"files", counts.files},
          {"documents", counts.documents},
          {"tokens", counts.tokens},
          {"text_bytes", counts.text_bytes}};
}

std::string counts_line(const char* name, const SplitCounts& counts) {
  const double ratio = counts.tokens > 0 ? double(counts.text_bytes) / counts.tokens : 0;
  return fmt::format("  {:<11} {} tokens, {} documents of {} files, {:.2f} bytes a token\n", name,
                     counts.tokens, counts.documents, counts.files, ratio);
}

Result<int> prepare(FileSystem& fs, const PrepareFlags& flags, const StopSignal& stop, bool json) {
  PrepareOptions options;
  options.inputs = flags.corpus.inputs;
  options.directory = flags.out;
  options.tokenizer = flags.tokenizer;
  TUTTI_ASSIGN(options.documents, flags.corpus.documents());
  options.validation = flags.validation;
  options.threads = flags.corpus.threads;
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
                               {"vocab_size", metadata.vocab_size},
                               {"train", counts_json(metadata.train)},
                               {"validation", counts_json(metadata.validation)},
                               {"unigram_entropy_nats", metadata.unigram_entropy_nats}});
  }
  return print_text("data",
                    fmt::format("{}{}: vocabulary {}, unigram entropy {:.3f} nats\n{}{}", flags.out,
                                prepared.reused ? " (unchanged, reused)" : "", metadata.vocab_size,
                                metadata.unigram_entropy_nats, counts_line("train", metadata.train),
                                counts_line("validation", metadata.validation)));
}

// A signal ends it after the batch under way, and leaves no half-written files.
int prepare_or_stop(FileSystem& fs, const PrepareFlags& flags, bool json) {
  const StopSignal stop;
  const Result<int> exit = prepare(fs, flags, stop, json);
  if (exit.ok()) return *exit;
  print_error("data", exit.error());
  return exit.error().kind == ErrorKind::kInterrupted ? 128 + stop.caught() : kExitFailed;
}

void count_tokens(const TokenArray& tokens, Inspection& inspection) {
  std::vector<int64_t> counts;
  std::vector<int32_t> part;
  for (int64_t begin = 0; begin < tokens.size(); begin += static_cast<int64_t>(part.size())) {
    part.resize(std::min<int64_t>(1 << 16, tokens.size() - begin));
    tokens.read(begin, part);
    for (const int32_t token : part) {
      if (token >= static_cast<int32_t>(counts.size())) counts.resize(token + 1);
      ++counts[token];
    }
  }
  inspection.token_max = static_cast<int32_t>(counts.size()) - 1;
  for (const int64_t count : counts) {
    const double share = double(count) / tokens.size();
    if (count > 0) inspection.entropy_nats -= share * std::log(share);
  }
}

Status add_samples(const IndexedDataset& dataset, const Tokenizer& tokenizer,
                   const InspectFlags& flags, Inspection& inspection) {
  if (dataset.documents() == 0) return Status();
  const SampleOrder order(flags.seed, dataset.documents());
  for (int64_t i = 0; i < std::min<int64_t>(flags.samples, dataset.documents()); ++i) {
    const int64_t document = order.sample(i);
    const int64_t begin = dataset.document_begin(document);
    const int64_t tokens = dataset.document_end(document) - begin;
    std::vector<int32_t> ids(std::min<int64_t>(tokens, flags.sample_tokens));
    dataset.tokens().read(begin, ids);
    TUTTI_ASSIGN(std::string text, tokenizer.decode(ids));
    inspection.samples.emplace_back(document, std::move(text));
  }
  return Status();
}

// `vocab_size` bounds every token; what counting allocates follows from it.
Result<Inspection> inspect_prefix(FileSystem& fs, const std::string& prefix, int64_t vocab_size,
                                  const Tokenizer* tokenizer, const InspectFlags& flags) {
  TUTTI_ASSIGN(const auto dataset, IndexedDataset::open(fs, prefix, vocab_size));
  Inspection inspection;
  inspection.prefix = prefix;
  inspection.documents = dataset.documents();
  inspection.tokens = dataset.tokens().size();
  count_tokens(dataset.tokens(), inspection);
  if (tokenizer) TUTTI_TRY(add_samples(dataset, *tokenizer, flags, inspection));
  return inspection;
}

int print_inspections(const std::vector<Inspection>& inspections, int64_t vocab_size, bool json) {
  Json objects = Json::array();
  std::string text;
  for (const Inspection& inspection : inspections) {
    Json samples = Json::array();
    text += fmt::format(
        "{}: {} tokens, {} documents, largest id {}{}, unigram entropy {:.3f} nats\n",
        inspection.prefix, inspection.tokens, inspection.documents, inspection.token_max,
        vocab_size > 0 ? fmt::format(" of vocabulary {}", vocab_size) : "",
        inspection.entropy_nats);
    for (const auto& [document, beginning] : inspection.samples) {
      text += fmt::format("--- document {}\n{}\n", document, beginning);
      samples.push_back({{"document", document}, {"text", beginning}});
    }
    objects.push_back({{"prefix", inspection.prefix},
                       {"tokens", inspection.tokens},
                       {"documents", inspection.documents},
                       {"token_max", inspection.token_max},
                       {"unigram_entropy_nats", inspection.entropy_nats},
                       {"samples", samples}});
  }
  if (json) {
    return print_json("data", {{"vocab_size", vocab_size}, {"datasets", objects}});
  }
  return print_text("data", text);
}

Result<int> inspect(FileSystem& fs, const InspectFlags& flags, bool json) {
  const Result<FileInfo> info = fs.stat(flags.path);
  const bool is_directory = info.ok() && info->kind == FileKind::kDirectory;
  std::vector<std::string> prefixes;
  std::string tokenizer_path = flags.tokenizer;
  if (is_directory) {
    TUTTI_ASSIGN(const DatasetMetadata metadata, read_dataset_metadata(fs, flags.path));
    prefixes.push_back(join_path(flags.path, kTrainPrefix));
    if (metadata.validation.documents > 0) {
      prefixes.push_back(join_path(flags.path, kValidationPrefix));
    }
    if (tokenizer_path.empty()) tokenizer_path = join_path(flags.path, kDatasetTokenizerFile);
  } else {
    prefixes.push_back(flags.path);
    for (const char* suffix : {".bin", ".idx"}) {
      if (prefixes[0].ends_with(suffix)) prefixes[0].resize(prefixes[0].size() - 4);
    }
  }
  std::optional<Tokenizer> tokenizer;
  if (!tokenizer_path.empty()) {
    TUTTI_ASSIGN(tokenizer, Tokenizer::load(fs, tokenizer_path));
  }
  const int64_t vocab_size = tokenizer ? tokenizer->vocab_size() : 0;
  constexpr int64_t kVocabSizeMax = 1 << 24;  // of a dataset that nothing describes
  std::vector<Inspection> inspections;
  for (const std::string& prefix : prefixes) {
    TUTTI_ASSIGN(Inspection inspection,
                 inspect_prefix(fs, prefix, tokenizer ? vocab_size : kVocabSizeMax,
                                tokenizer ? &*tokenizer : nullptr, flags));
    inspections.push_back(std::move(inspection));
  }
  return print_inspections(inspections, vocab_size, json);
}

}  // namespace

int run_data(int argc, char** argv) {
  CLI::App app("Prepare and inspect token datasets (Megatron-LM's .bin/.idx).", "tutti data");
  app.require_subcommand(1);
  app.footer("Example:\n  tutti data prepare books/ --tokenizer tokenizer.json --out data/books");
  bool json = false;

  PrepareFlags preparing;
  CLI::App* prepare_app = app.add_subcommand("prepare", "Documents → train and validation tokens");
  preparing.corpus.add_to(*prepare_app);
  prepare_app->add_option("--out", preparing.out, "Directory to write")->required();
  prepare_app
      ->add_option("--tokenizer", preparing.tokenizer, "A tokenizer.json or sentencepiece .model")
      ->capture_default_str();
  prepare_app->add_option("--validation", preparing.validation, "Fraction held out")
      ->capture_default_str();
  prepare_app->add_flag("--json", json, "Print one JSON object");
  prepare_app->footer(
      "Example:\n  tutti data prepare '/usr/share/perl/*/pod/*.pod' --tokenizer t.json --out data");

  InspectFlags inspecting;
  CLI::App* inspect_app = app.add_subcommand("inspect", "Counts, entropy and some documents");
  inspect_app->add_option("DIR_OR_PREFIX", inspecting.path, "A prepared directory or PREFIX.bin")
      ->required();
  inspect_app->add_option("--tokenizer", inspecting.tokenizer,
                          "To decode; a directory has its own");
  inspect_app->add_option("--samples", inspecting.samples, "Documents to show")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  inspect_app->add_option("--sample-tokens", inspecting.sample_tokens, "Of each, the first tokens")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  inspect_app->add_option("--seed", inspecting.seed, "Chooses the documents")
      ->check(check_not_negative)
      ->capture_default_str();
  inspect_app->add_flag("--json", json, "Print one JSON object");
  inspect_app->footer("Example:\n  tutti data inspect data/books --samples 3");

  if (const auto status = parse_command_line(app, argc, argv)) return *status;
  const auto fs = make_posix_file_system();
  if (prepare_app->parsed()) return prepare_or_stop(*fs, preparing, json);
  const Result<int> exit = inspect(*fs, inspecting, json);
  return exit.ok() ? *exit : print_error("data", exit.error());
}

}  // namespace tutti
