#include "train/run_data.h"

#include <algorithm>
#include <vector>

#include "base/digest.h"
#include "data/dataset_metadata.h"
#include "data/indexed_dataset.h"
#include "data/tokenizer.h"

namespace tutti {
namespace {

constexpr int64_t kFingerprintSamples = 64;

std::string prefix_of(std::string path) {
  if (path.ends_with(".bin") || path.ends_with(".idx")) path.resize(path.size() - 4);
  return path;
}

// What a prepared corpus says of itself; nothing for tokens that another program wrote.
Result<std::optional<DatasetMetadata>> metadata_beside(FileSystem& fs, const std::string& path) {
  const std::string directory = parent_path(path);
  if (!exists(fs, join_path(directory, kMetadataFile))) return std::optional<DatasetMetadata>();
  TUTTI_ASSIGN(DatasetMetadata metadata, read_dataset_metadata(fs, directory));
  return std::optional<DatasetMetadata>(std::move(metadata));
}

// A prepared corpus says which vocabulary it was made with, used up or not.
Status check_metadata(FileSystem& fs, const DatasetMetadata& metadata, const std::string& path,
                      std::string_view key, int64_t model_vocab) {
  if (metadata.vocab_size > model_vocab) {
    return invalid("{} = \"{}\" was made with a tokenizer of {} tokens, but model.vocab is {}", key,
                   path, metadata.vocab_size, model_vocab);
  }
  const std::string mask = mask_path(prefix_of(path));
  if (metadata.loss_mask && !exists(fs, mask)) {
    return not_found("{} = \"{}\": {} is missing, and with it which tokens are learned", key, path,
                     mask);
  }
  return {};
}

// Which token ends documents, by the first tokenizer that is there. It is read once, when it is
// asked for first: most data have an index that says where documents end.
class DocumentEnd {
 public:
  explicit DocumentEnd(std::vector<std::string> tokenizer_paths)
      : paths_(std::move(tokenizer_paths)) {}

  // -1 when nothing says so.
  Result<int32_t> find(FileSystem& fs) {
    if (found_ || paths_.empty()) return found_.value_or(-1);
    for (const std::string& path : paths_) {
      if (!exists(fs, path)) continue;
      TUTTI_ASSIGN(const Tokenizer tokenizer, Tokenizer::load(fs, path));
      const auto token = tokenizer.end_of_text();
      found_ = token ? token->id : -1;
      return *found_;
    }
    return not_found("no tokenizer that says where documents end: {} is not there",
                     fmt::join(paths_, " or "));
  }

 private:
  std::vector<std::string> paths_;
  std::optional<int32_t> found_;
};

DocumentEnd document_end_of_run(const Config& config) {
  std::vector<std::string> paths;
  if (!config.tokenizer.path.empty()) paths.push_back(config.tokenizer.path);
  return DocumentEnd(std::move(paths));
}

void digest_samples(const TokenDataset& dataset, Digester& digester) {
  const auto length = static_cast<size_t>(dataset.seq_len());
  std::vector<int32_t> tokens(length), labels(length), positions(length);
  const auto add = [&](const std::vector<int32_t>& ids) {
    digester.update({reinterpret_cast<const char*>(ids.data()), length * sizeof(int32_t)});
  };
  digester.update(fmt::format("{} tokens;", dataset.tokens()));
  const int64_t count = std::min(kFingerprintSamples, dataset.samples());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t sample = count == 1 ? 0 : i * (dataset.samples() - 1) / (count - 1);
    dataset.fill(sample, tokens, labels, positions);
    add(tokens);
    if (dataset.has_mask()) add(labels);
  }
}

Result<TokenDataset> open_set(FileSystem& fs, const Config& config, const std::string& path,
                              std::string_view key, DocumentEnd& document_end) {
  TUTTI_ASSIGN(const auto metadata, metadata_beside(fs, path));
  if (metadata) TUTTI_TRY(check_metadata(fs, *metadata, path, key, config.model.vocab));
  SampleOptions options;
  options.seq_len = config.train.seq_len;
  options.packing = config.data.packing;
  options.document_mask = config.data.document_mask;
  const auto open = [&]() -> Result<TokenDataset> {
    const bool by_document = options.packing != Packing::kStream || options.document_mask;
    if (metadata) {
      options.end_of_text = metadata->end_of_text;
    } else if (by_document && !exists(fs, idx_path(prefix_of(path)))) {
      TUTTI_ASSIGN(options.end_of_text, document_end.find(fs));
    }
    return TokenDataset::open(fs, path, options, config.model.vocab);
  };
  Result<TokenDataset> dataset = open();
  if (dataset.ok()) return dataset;
  return Error{dataset.error().kind, fmt::format("{}: {}", key, dataset.message())};
}

Result<TrainingSamples> open_training_sets(FileSystem& fs, const Config& config,
                                           DocumentEnd& document_end) {
  const bool mixed = !config.data.mixture.empty();
  const std::vector<MixtureEntry> entries = config.data.sets();
  std::vector<WeightedSet> sets;
  for (size_t i = 0; i < entries.size(); ++i) {
    const std::string key = mixed ? fmt::format("data.mixture[{}].path", i) : "data.train";
    TUTTI_ASSIGN(TokenDataset tokens, open_set(fs, config, entries[i].path, key, document_end));
    sets.push_back({std::move(tokens), entries[i].weight});
  }
  auto samples = TrainingSamples::create(std::move(sets), static_cast<uint64_t>(config.data.seed));
  if (samples.ok()) return samples;
  return Error{samples.error().kind, "data.mixture: " + samples.message()};
}

}  // namespace

Result<TokenDataset> open_samples(FileSystem& fs, const Config& config, const std::string& path,
                                  std::string_view key,
                                  std::span<const std::string> tokenizer_paths) {
  DocumentEnd document_end(
      std::vector<std::string>(tokenizer_paths.begin(), tokenizer_paths.end()));
  return open_set(fs, config, path, key, document_end);
}

Result<TrainingSamples> open_training_samples(FileSystem& fs, const Config& config) {
  DocumentEnd document_end = document_end_of_run(config);
  return open_training_sets(fs, config, document_end);
}

Result<RunData> open_run_data(FileSystem& fs, const Config& config) {
  DocumentEnd document_end = document_end_of_run(config);
  TUTTI_ASSIGN(TrainingSamples train, open_training_sets(fs, config, document_end));
  RunData data{std::move(train), std::nullopt};
  if (config.train.eval_every > 0) {
    TUTTI_ASSIGN(data.validation,
                 open_set(fs, config, config.data.validation, "data.validation", document_end));
  }
  return data;
}

std::string data_fingerprint(const TrainingSamples& samples) {
  Digester digester;
  for (const TokenDataset& set : samples.sets()) digest_samples(set, digester);
  if (samples.sets().size() > 1) {
    digester.update(fmt::format("shares {};", fmt::join(samples.mixture().shares(), " ")));
  }
  return digester.digest().hex();
}

}  // namespace tutti
