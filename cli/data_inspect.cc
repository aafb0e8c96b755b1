#include "data_inspect.h"

#include "base/format.h"
#include "data/dataset_metadata.h"
#include "data/dataset_summary.h"
#include "data/sample_order.h"
#include "data/tokenizer.h"
#include "output.h"
#include "train/run_data.h"
#include "train/run_start.h"

namespace tutti {
namespace {

constexpr int64_t kVocabSizeMax = 1 << 24;  // of tokens that nothing describes

struct Sample {
  int64_t number;  // of the document, or of the run's sample
  std::string text;
};

struct Inspection {
  std::string name;
  bool has_documents = false;  // known where they end
  TokenCounts counts;
  LengthHistogram lengths;
  Duplicates duplicates;
  std::optional<int64_t> learned;  // tokens, with a loss mask
  std::vector<Sample> samples;
};

Status add_samples(const TokenSource& source, const Tokenizer& tokenizer, const InspectFlags& flags,
                   Inspection& inspection) {
  const auto documents = static_cast<int64_t>(source.document_ends.size());
  if (documents == 0) return Status();
  const SampleOrder order(flags.seed, documents);
  for (int64_t i = 0; i < std::min<int64_t>(flags.samples, documents); ++i) {
    const int64_t document = order.sample(i);
    const int64_t begin = document == 0 ? 0 : source.document_ends[document - 1];
    const int64_t tokens = source.document_ends[document] - begin;
    std::vector<int32_t> ids(std::min<int64_t>(tokens, flags.sample_tokens));
    source.tokens.read(begin, ids);
    TUTTI_ASSIGN(std::string text, tokenizer.decode(ids));
    inspection.samples.push_back({document, std::move(text)});
  }
  return Status();
}

Result<Inspection> inspect_set(FileSystem& fs, const std::string& path, const Tokenizer* tokenizer,
                               const InspectFlags& flags) {
  const int64_t vocab_size = tokenizer ? tokenizer->vocab_size() : kVocabSizeMax;
  TUTTI_ASSIGN(TokenSource source, open_token_source(fs, path, vocab_size));
  const auto end_of_text = tokenizer ? tokenizer->end_of_text() : std::nullopt;
  if (!source.indexed && end_of_text) {
    source.document_ends = find_document_ends(source.tokens, end_of_text->id);
  }
  Inspection inspection;
  inspection.name = source.name;
  inspection.has_documents = source.indexed || end_of_text.has_value();
  inspection.counts = count_tokens(source.tokens);
  inspection.lengths = document_lengths(source.document_ends);
  inspection.duplicates = find_duplicates(source.tokens, source.document_ends);
  if (source.mask) inspection.learned = source.mask->learned_tokens();
  if (tokenizer) TUTTI_TRY(add_samples(source, *tokenizer, flags, inspection));
  return inspection;
}

Json samples_json(const std::vector<Sample>& samples, const char* what) {
  Json list = Json::array();
  for (const Sample& sample : samples) {
    list.push_back({{what, sample.number}, {"text", sample.text}});
  }
  return list;
}

std::string samples_text(const std::vector<Sample>& samples, const char* what) {
  std::string text;
  for (const Sample& sample : samples) {
    text += fmt::format("--- {} {}\n{}\n", what, sample.number, sample.text);
  }
  return text;
}

Json to_json(const Inspection& inspection) {
  Json object = {{"path", inspection.name},
                 {"tokens", inspection.counts.tokens},
                 {"token_max", inspection.counts.token_max},
                 {"unigram_entropy_nats", inspection.counts.entropy_nats}};
  if (inspection.learned) object["learned_tokens"] = *inspection.learned;
  if (!inspection.has_documents) return object;
  const LengthHistogram& lengths = inspection.lengths;
  Json histogram = Json::array();
  for (size_t i = 0; i < lengths.buckets.size(); ++i) {
    if (lengths.buckets[i] == 0) continue;
    histogram.push_back({{"tokens_min", i == 0 ? 0 : int64_t{1} << i},
                         {"tokens_max", (int64_t{2} << i) - 1},
                         {"documents", lengths.buckets[i]}});
  }
  object["documents"] = lengths.documents;
  object["document_tokens"] = {{"shortest", lengths.shortest},
                               {"longest", lengths.longest},
                               {"mean", lengths.mean},
                               {"histogram", histogram}};
  object["duplicates"] = {{"documents", inspection.duplicates.documents},
                          {"tokens", inspection.duplicates.tokens}};
  object["samples"] = samples_json(inspection.samples, "document");
  return object;
}

std::string histogram_text(const LengthHistogram& lengths) {
  constexpr int kBarWidth = 40;
  int64_t most = 1;
  for (const int64_t count : lengths.buckets) most = std::max(most, count);
  std::string text;
  for (size_t i = 0; i < lengths.buckets.size(); ++i) {
    const int64_t count = lengths.buckets[i];
    if (count == 0) continue;
    const auto width = static_cast<size_t>((count * kBarWidth + most - 1) / most);
    text += fmt::format("  {:>9} to {:<10} {:>10}  {}\n", i == 0 ? 0 : int64_t{1} << i,
                        (int64_t{2} << i) - 1, count, std::string(width, '#'));
  }
  return text;
}

std::string to_text(const Inspection& inspection) {
  const TokenCounts& counts = inspection.counts;
  std::string text =
      fmt::format("{}: {} tokens, largest id {}, unigram entropy {:.3f} nats\n", inspection.name,
                  counts.tokens, counts.token_max, counts.entropy_nats);
  if (inspection.learned) {
    text += fmt::format("  learned     {} tokens ({:.1f} %)\n", *inspection.learned,
                        100.0 * *inspection.learned / std::max<int64_t>(counts.tokens, 1));
  }
  if (!inspection.has_documents) return text;
  const LengthHistogram& lengths = inspection.lengths;
  text += fmt::format("  documents   {}, of {} to {} tokens, {:.1f} on average\n",
                      lengths.documents, lengths.shortest, lengths.longest, lengths.mean);
  text += fmt::format("  repeated    {} documents of {} tokens are exact copies of others\n",
                      inspection.duplicates.documents, inspection.duplicates.tokens);
  return text + histogram_text(lengths) + samples_text(inspection.samples, "document");
}

Result<std::optional<Tokenizer>> load_tokenizer(FileSystem& fs, const std::string& path) {
  if (path.empty()) return std::optional<Tokenizer>();
  TUTTI_ASSIGN(Tokenizer tokenizer, Tokenizer::load(fs, path));
  return std::optional<Tokenizer>(std::move(tokenizer));
}

Result<int> inspect_sets(FileSystem& fs, const InspectFlags& flags, bool json) {
  const Result<FileInfo> info = fs.stat(flags.path);
  std::vector<std::string> paths = {flags.path};
  std::string tokenizer_path = flags.tokenizer;
  if (info.ok() && info->kind == FileKind::kDirectory) {
    TUTTI_ASSIGN(const DatasetMetadata metadata, read_dataset_metadata(fs, flags.path));
    paths = {join_path(flags.path, kTrainPrefix)};
    if (metadata.validation.documents > 0) {
      paths.push_back(join_path(flags.path, kValidationPrefix));
    }
    if (tokenizer_path.empty()) tokenizer_path = join_path(flags.path, kDatasetTokenizerFile);
  }
  TUTTI_ASSIGN(const auto tokenizer, load_tokenizer(fs, tokenizer_path));
  Json sets = Json::array();
  std::string text;
  for (const std::string& path : paths) {
    TUTTI_ASSIGN(const Inspection inspection,
                 inspect_set(fs, path, tokenizer ? &*tokenizer : nullptr, flags));
    sets.push_back(to_json(inspection));
    text += to_text(inspection);
  }
  if (!json) return print_text("data", text);
  return print_json("data",
                    {{"vocab_size", tokenizer ? tokenizer->vocab_size() : 0}, {"datasets", sets}});
}

// The first samples of the run, as it will take them.
Result<std::vector<Sample>> first_samples(const TrainingSamples& samples,
                                          const Tokenizer& tokenizer, const InspectFlags& flags) {
  const auto length = static_cast<size_t>(samples.seq_len());
  std::vector<int32_t> tokens(length), labels(length), positions(length);
  std::vector<Sample> first;
  for (int64_t n = 0; n < flags.samples; ++n) {
    samples.fill(n, tokens, labels, positions);
    const auto shown = std::span(tokens).first(std::min<size_t>(length, flags.sample_tokens));
    TUTTI_ASSIGN(std::string text, tokenizer.decode(shown));
    first.push_back({n, std::move(text)});
  }
  return first;
}

Result<int> inspect_config(FileSystem& fs, const InspectFlags& flags, bool json) {
  TUTTI_ASSIGN(const Config config, load_config(fs, flags.path, flags.overrides));
  const std::vector<MixtureEntry> entries = config.data.sets();
  if (entries.empty()) return invalid("{}: neither data.train nor data.mixture is set", flags.path);
  TUTTI_ASSIGN(const TrainingSamples samples, open_training_samples(fs, config));
  std::string tokenizer_path = flags.tokenizer;
  if (tokenizer_path.empty()) {
    TUTTI_ASSIGN(tokenizer_path, find_tokenizer(fs, config, nullptr));
  }
  TUTTI_ASSIGN(const auto tokenizer, load_tokenizer(fs, tokenizer_path));
  std::vector<Sample> first;
  if (tokenizer) {
    TUTTI_ASSIGN(first, first_samples(samples, *tokenizer, flags));
  }

  const int64_t consumed = config.train.steps * config.train.global_batch;
  const MixtureOrder& mixture = samples.mixture();
  Json sets = Json::array();
  std::string text = fmt::format(
      "{} steps of {} samples of {} tokens; each {} samples in a row have the shares to the "
      "sample\n",
      config.train.steps, config.train.global_batch, config.train.seq_len, mixture.block());
  for (size_t i = 0; i < entries.size(); ++i) {
    const double share = static_cast<double>(mixture.shares()[i]) / mixture.block();
    const int64_t drawn = mixture.drawn(static_cast<int32_t>(i), consumed);
    const TokenDataset& set = samples.sets()[i];
    text += fmt::format("  {:>8.4f} %  {}: {} samples are drawn of its {}, {:.2f} epochs\n",
                        100 * share, entries[i].path, drawn, set.samples(),
                        samples.epochs(i, consumed));
    sets.push_back({{"path", entries[i].path},
                    {"weight", entries[i].weight},
                    {"share", share},
                    {"tokens", set.tokens()},
                    {"samples", set.samples()},
                    {"drawn", drawn},
                    {"epochs", samples.epochs(i, consumed)}});
  }
  if (!json) return print_text("data", text + samples_text(first, "sample"));
  return print_json("data", {{"steps", config.train.steps},
                             {"global_batch", config.train.global_batch},
                             {"seq_len", config.train.seq_len},
                             {"block", mixture.block()},
                             {"sets", sets},
                             {"samples", samples_json(first, "sample")}});
}

}  // namespace

Result<int> inspect_data(FileSystem& fs, const InspectFlags& flags, bool json) {
  if (flags.path.ends_with(".toml")) return inspect_config(fs, flags, json);
  if (!flags.overrides.empty()) {
    return invalid("{}: only a config that ends in .toml takes {}", flags.path,
                   flags.overrides.front());
  }
  return inspect_sets(fs, flags, json);
}

}  // namespace tutti
