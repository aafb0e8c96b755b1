// dataset.json: what a prepared corpus is, beside its tokens. Values; stateless functions.
#pragma once

#include <cstdint>
#include <string>

#include "base/fs.h"
#include "base/json.h"
#include "base/status.h"

namespace tutti {

inline constexpr const char* kMetadataFile = "dataset.json";
inline constexpr const char* kDatasetTokenizerFile = "tokenizer.json";
inline constexpr const char* kTrainPrefix = "train";
inline constexpr const char* kValidationPrefix = "validation";

struct SplitCounts {
  int64_t files = 0;  // that it has documents of
  int64_t documents = 0;
  int64_t tokens = 0;      // with the end-of-text of each document
  int64_t text_bytes = 0;  // that the tokens stand for
  friend bool operator==(const SplitCounts&, const SplitCounts&) = default;
};

struct DatasetMetadata {
  // Digest of everything that the tokens depend on: inputs, tokenizer, options.
  std::string fingerprint;
  std::string tokenizer_digest;  // of tokenizer.json, a copy of which lies beside this file
  int32_t vocab_size = 0;
  int32_t end_of_text = 0;
  std::string end_of_text_token;
  std::string format;
  double validation_fraction = 0;
  bool loss_mask = false;  // .mask files say which tokens are learned: see loss_mask.h
  SplitCounts train;
  SplitCounts validation;  // no files are there when it has no documents
  // Entropy of the distribution of single tokens in training, in nats: the loss of a model that
  // knows their frequencies and nothing else.
  double unigram_entropy_nats = 0;
  friend bool operator==(const DatasetMetadata&, const DatasetMetadata&) = default;
};

Json split_counts_json(const SplitCounts& counts);
std::string dataset_metadata_json(const DatasetMetadata& metadata);
// `name` is what errors call the file.
Result<DatasetMetadata> parse_dataset_metadata(std::string_view json, const std::string& name);

// Reads DIRECTORY/dataset.json.
Result<DatasetMetadata> read_dataset_metadata(FileSystem& fs, const std::string& directory);

}  // namespace tutti
