#include "train/run_data.h"

#include <algorithm>
#include <vector>

#include "base/digest.h"
#include "data/dataset_metadata.h"

namespace tutti {
namespace {

constexpr int64_t kFingerprintSamples = 64;

// A prepared corpus says which vocabulary it was made with, used up or not.
Status check_vocabulary(FileSystem& fs, const std::string& path, std::string_view key,
                        int64_t model_vocab) {
  const std::string directory = parent_path(path);
  if (!exists(fs, join_path(directory, kMetadataFile))) return {};
  TUTTI_ASSIGN(const DatasetMetadata metadata, read_dataset_metadata(fs, directory));
  if (metadata.vocab_size <= model_vocab) return {};
  return invalid("{} = \"{}\" was made with a tokenizer of {} tokens, but model.vocab is {}", key,
                 path, metadata.vocab_size, model_vocab);
}

}  // namespace

Result<TokenDataset> open_samples(FileSystem& fs, const Config& config, const std::string& path,
                                  std::string_view key) {
  TUTTI_TRY(check_vocabulary(fs, path, key, config.model.vocab));
  Result<TokenDataset> dataset =
      TokenDataset::open(fs, path, config.train.seq_len, config.model.vocab);
  if (dataset.ok()) return dataset;
  return Error{dataset.error().kind, fmt::format("{}: {}", key, dataset.message())};
}

Result<RunData> open_run_data(FileSystem& fs, const Config& config) {
  TUTTI_ASSIGN(TokenDataset train, open_samples(fs, config, config.data.train, "data.train"));
  RunData data{std::move(train), std::nullopt};
  if (config.train.eval_every > 0) {
    TUTTI_ASSIGN(data.validation,
                 open_samples(fs, config, config.data.validation, "data.validation"));
  }
  return data;
}

std::string data_fingerprint(const TokenDataset& dataset) {
  const auto length = static_cast<size_t>(dataset.seq_len());
  std::vector<int32_t> tokens(length), labels(length), positions(length);
  Digester digester;
  digester.update(fmt::format("{} tokens;", dataset.tokens()));
  const int64_t count = std::min(kFingerprintSamples, dataset.samples());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t sample = count == 1 ? 0 : i * (dataset.samples() - 1) / (count - 1);
    dataset.fill(sample, tokens, labels, positions);
    digester.update({reinterpret_cast<const char*>(tokens.data()), length * sizeof(int32_t)});
  }
  return digester.digest().hex();
}

}  // namespace tutti
