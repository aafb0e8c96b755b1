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
  std::string prefix = path;
  if (prefix.ends_with(".bin") || prefix.ends_with(".idx")) prefix.resize(prefix.size() - 4);
  if (metadata.loss_mask && !exists(fs, mask_path(prefix))) {
    return not_found("{} = \"{}\": {} is missing, and with it which tokens are learned", key, path,
                     mask_path(prefix));
  }
  return {};
}

// Which token ends documents; -1 when nothing says so.
Result<int32_t> find_end_of_text(FileSystem& fs, const Config& config,
                                 const std::optional<DatasetMetadata>& metadata) {
  if (metadata) return metadata->end_of_text;
  if (config.tokenizer.path.empty()) return -1;
  TUTTI_ASSIGN(const Tokenizer tokenizer, Tokenizer::load(fs, config.tokenizer.path));
  const auto token = tokenizer.end_of_text();
  return token ? token->id : -1;
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

}  // namespace

Result<TokenDataset> open_samples(FileSystem& fs, const Config& config, const std::string& path,
                                  std::string_view key) {
  TUTTI_ASSIGN(const auto metadata, metadata_beside(fs, path));
  if (metadata) TUTTI_TRY(check_metadata(fs, *metadata, path, key, config.model.vocab));
  SampleOptions options;
  options.seq_len = config.train.seq_len;
  options.packing = config.data.packing;
  options.document_mask = config.data.document_mask;
  if (options.packing != Packing::kStream || options.document_mask) {
    TUTTI_ASSIGN(options.end_of_text, find_end_of_text(fs, config, metadata));
  }
  Result<TokenDataset> dataset = TokenDataset::open(fs, path, options, config.model.vocab);
  if (dataset.ok()) return dataset;
  return Error{dataset.error().kind, fmt::format("{}: {}", key, dataset.message())};
}

Result<TrainingSamples> open_training_samples(FileSystem& fs, const Config& config) {
  const bool mixed = !config.data.mixture.empty();
  const std::vector<MixtureEntry> entries = config.data.sets();
  std::vector<WeightedSet> sets;
  for (size_t i = 0; i < entries.size(); ++i) {
    const std::string key = mixed ? fmt::format("data.mixture[{}].path", i) : "data.train";
    TUTTI_ASSIGN(TokenDataset tokens, open_samples(fs, config, entries[i].path, key));
    sets.push_back({std::move(tokens), entries[i].weight});
  }
  auto samples = TrainingSamples::create(std::move(sets), static_cast<uint64_t>(config.data.seed));
  if (samples.ok()) return samples;
  return Error{samples.error().kind, "data.mixture: " + samples.message()};
}

Result<RunData> open_run_data(FileSystem& fs, const Config& config) {
  TUTTI_ASSIGN(TrainingSamples train, open_training_samples(fs, config));
  RunData data{std::move(train), std::nullopt};
  if (config.train.eval_every > 0) {
    TUTTI_ASSIGN(data.validation,
                 open_samples(fs, config, config.data.validation, "data.validation"));
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
