#include "data/dataset_metadata.h"

#include "base/json_fields.h"

namespace tutti {
namespace {

constexpr int kVersion = 1;
constexpr uint64_t kFileBytesMax = 1 << 20;

SplitCounts read_split_counts(const JsonFields& fields) {
  SplitCounts counts;
  fields.read("files", counts.files);
  fields.read("documents", counts.documents);
  fields.read("tokens", counts.tokens);
  fields.read("text_bytes", counts.text_bytes);
  return counts;
}

}  // namespace

Json split_counts_json(const SplitCounts& counts) {
  return {{"files", counts.files},
          {"documents", counts.documents},
          {"tokens", counts.tokens},
          {"text_bytes", counts.text_bytes}};
}

std::string dataset_metadata_json(const DatasetMetadata& metadata) {
  const Json json = {{"version", kVersion},
                     {"fingerprint", metadata.fingerprint},
                     {"tokenizer_digest", metadata.tokenizer_digest},
                     {"vocab_size", metadata.vocab_size},
                     {"end_of_text", metadata.end_of_text},
                     {"end_of_text_token", metadata.end_of_text_token},
                     {"format", metadata.format},
                     {"validation_fraction", metadata.validation_fraction},
                     {"loss_mask", metadata.loss_mask},
                     {"train", split_counts_json(metadata.train)},
                     {"validation", split_counts_json(metadata.validation)},
                     {"unigram_entropy_nats", metadata.unigram_entropy_nats}};
  return json.dump(2) + "\n";
}

Result<DatasetMetadata> parse_dataset_metadata(std::string_view text, const std::string& name) {
  TUTTI_ASSIGN(const Json json, parse_json(text, name));
  if (!json.is_object()) return corrupt("{}: not a JSON object", name);
  Status status;
  const JsonFields fields(json, name + ": ", status);
  DatasetMetadata metadata;
  int64_t version = 0;
  fields.read("version", version);
  fields.read("fingerprint", metadata.fingerprint);
  fields.read("tokenizer_digest", metadata.tokenizer_digest);
  fields.read("vocab_size", metadata.vocab_size);
  fields.read("end_of_text", metadata.end_of_text);
  fields.read("end_of_text_token", metadata.end_of_text_token);
  fields.read("format", metadata.format);
  fields.read("validation_fraction", metadata.validation_fraction);
  fields.read_optional("loss_mask", metadata.loss_mask);  // directories of before have none
  metadata.train = read_split_counts(fields.inner("train"));
  metadata.validation = read_split_counts(fields.inner("validation"));
  fields.read("unigram_entropy_nats", metadata.unigram_entropy_nats);
  TUTTI_TRY(status);
  if (version != kVersion) return corrupt("{}: version {}, expected {}", name, version, kVersion);
  return metadata;
}

Result<DatasetMetadata> read_dataset_metadata(FileSystem& fs, const std::string& directory) {
  const std::string path = join_path(directory, kMetadataFile);
  TUTTI_ASSIGN(const std::string text, read_file(fs, path, kFileBytesMax));
  return parse_dataset_metadata(text, path);
}

}  // namespace tutti
