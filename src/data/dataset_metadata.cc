#include "data/dataset_metadata.h"

namespace tutti {
namespace {

constexpr int kVersion = 1;
constexpr uint64_t kFileBytesMax = 1 << 20;

// Reads fields and remembers the first that is wrong.
class Fields {
 public:
  Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  void read(const char* key, std::string& out) {
    if (const Json* value = find(key, &Json::is_string, "a string"))
      out = value->get<std::string>();
  }
  void read(const char* key, double& out) {
    if (const Json* value = find(key, &Json::is_number, "a number")) out = value->get<double>();
  }
  // Directories of before have none.
  void read_optional(const char* key, bool& out) {
    if (!object_.contains(key)) return;
    if (const Json* value = find(key, &Json::is_boolean, "a boolean")) out = value->get<bool>();
  }
  void read(const char* key, int64_t& out) {
    const Json* value = find(key, &Json::is_integer, "a count");
    if (value) out = value->get<int64_t>();
    if (out < 0) fail(key, "a count");
  }
  void read(const char* key, int32_t& out) {
    int64_t wide = 0;
    read(key, wide);
    if (wide > INT32_MAX) fail(key, "a smaller number");
    out = static_cast<int32_t>(wide);
  }
  void read(const char* key, SplitCounts& out) {
    const Json* value = find(key, &Json::is_object, "an object");
    if (!value) return;
    Fields counts(*value, path_ + key + ".");
    counts.read("files", out.files);
    counts.read("documents", out.documents);
    counts.read("tokens", out.tokens);
    counts.read("text_bytes", out.text_bytes);
    if (status_.ok()) status_ = counts.status_;
  }

  const Status& status() const { return status_; }

 private:
  const Json* find(const char* key, bool (Json::*is_type)() const, const char* expected) {
    const Json* found = object_.find(key);
    if (found != nullptr && ((*found).*is_type)()) return &*found;
    fail(key, expected);
    return nullptr;
  }
  void fail(const char* key, const char* expected) {
    if (status_.ok()) status_ = corrupt("{}{}: expected {}", path_, key, expected);
  }

  const Json& object_;
  std::string path_;
  Status status_;
};

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
  Fields fields(json, name + ": ");
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
  fields.read_optional("loss_mask", metadata.loss_mask);
  fields.read("train", metadata.train);
  fields.read("validation", metadata.validation);
  fields.read("unigram_entropy_nats", metadata.unigram_entropy_nats);
  TUTTI_TRY(fields.status());
  if (version != kVersion) return corrupt("{}: version {}, expected {}", name, version, kVersion);
  return metadata;
}

Result<DatasetMetadata> read_dataset_metadata(FileSystem& fs, const std::string& directory) {
  const std::string path = join_path(directory, kMetadataFile);
  TUTTI_ASSIGN(const std::string text, read_file(fs, path, kFileBytesMax));
  return parse_dataset_metadata(text, path);
}

}  // namespace tutti
