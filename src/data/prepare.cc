#include "data/prepare.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/digest.h"
#include "base/log.h"
#include "data/indexed_dataset.h"
#include "data/tokenizer.h"
#include "data/validation_split.h"
#include "data/worker_loop.h"

namespace tutti {
namespace {

constexpr size_t kBatchBytesPerThread = size_t{8} << 20;
constexpr uint64_t kTokenizerBytesMax = 256ull << 20;
constexpr int kPipelineVersion = 1;  // changes when the same inputs would give other tokens

using ProgressCallback = std::function<void(const PrepareProgress&)>;

Status check_stop(const PrepareOptions& options) {
  if (!options.stop_requested || !options.stop_requested()) return {};
  return error(ErrorKind::kInterrupted, "asked to stop: {} stays as it was", options.directory);
}

// Adds the names and contents of the files to `digester`.
Status digest_files(FileSystem& fs, const PrepareOptions& options, const CorpusFiles& corpus,
                    const ProgressCallback& progress, Digester& digester) {
  std::vector<char> buffer(size_t{4} << 20);
  PrepareProgress state{"checking inputs", 0, corpus.bytes, 0};
  for (const CorpusFile& file : corpus.files) {
    digester.update(fmt::format("{}\n{}\n", file.relative, file.bytes));
    TUTTI_ASSIGN(auto readable, fs.open(file.path));
    for (uint64_t at = 0; at < readable->size();) {
      const auto part =
          std::span(buffer).first(std::min<uint64_t>(buffer.size(), readable->size() - at));
      TUTTI_TRY(check_stop(options));
      TUTTI_TRY(readable->read_at(at, part));
      digester.update({part.data(), part.size()});
      at += part.size();
      state.bytes_done += part.size();
      if (progress) progress(state);
    }
  }
  return Status();
}

double entropy_nats(const std::vector<int64_t>& counts) {
  double total = 0, entropy = 0;
  for (const int64_t count : counts) total += static_cast<double>(count);
  for (const int64_t count : counts) {
    if (count > 0) entropy -= count / total * std::log(count / total);
  }
  return entropy;
}

// What was there goes first, its description before all else.
Status remove_old(FileSystem& fs, const std::string& directory) {
  std::vector<std::string> paths = {join_path(directory, kMetadataFile)};
  for (const char* prefix : {kTrainPrefix, kValidationPrefix}) {
    paths.push_back(bin_path(join_path(directory, prefix)));
    paths.push_back(idx_path(join_path(directory, prefix)));
  }
  for (const std::string& path : paths) {
    if (exists(fs, path)) TUTTI_TRY(fs.remove(path));
  }
  return fs.sync_directory(directory);
}

// Encodes a planned corpus into the writers of its splits.
class Encoding {
 public:
  Encoding(FileSystem& fs, const PrepareOptions& options, const Tokenizer& tokenizer,
           int32_t end_of_text, const SplitPlan& plan, int threads)
      : fs_(fs),
        options_(options),
        plan_(plan),
        end_of_text_(end_of_text),
        type_(token_type_for(tokenizer.vocab_size())),
        train_counts_(tokenizer.vocab_size()) {
    for (int i = 0; i < threads; ++i) {
      encoders_.emplace_back(tokenizer, EncodeOptions{.special_tokens = false});
    }
  }

  Status run(const ProgressCallback& progress, uint64_t bytes_total);
  Status finish(DatasetMetadata& metadata);

 private:
  struct Output {
    std::unique_ptr<IndexedDatasetWriter> writer;  // made for the first document
    SplitCounts counts;
    size_t last_file = SIZE_MAX;
  };
  Status encode_batch(const std::vector<DocumentPiece>& pieces);
  Status write(const DocumentPiece& piece, std::span<const int32_t> ids);
  Split split_of(const DocumentPiece& piece) const;

  FileSystem& fs_;
  const PrepareOptions& options_;
  const SplitPlan& plan_;
  int32_t end_of_text_;
  TokenType type_;
  std::vector<TokenEncoder> encoders_;
  std::vector<std::vector<int32_t>> ids_;  // of each piece of a batch
  std::vector<int64_t> train_counts_;      // by token id
  Output train_, validation_;
};

Status Encoding::run(const ProgressCallback& progress, uint64_t bytes_total) {
  DocumentStream stream(fs_, plan_.files, options_.documents);
  PrepareProgress state{"encoding", 0, bytes_total, 0};
  std::vector<DocumentPiece> pieces;
  while (true) {
    pieces.clear();
    TUTTI_TRY(check_stop(options_));
    TUTTI_TRY(stream.next_batch(kBatchBytesPerThread * encoders_.size(), pieces));
    if (pieces.empty()) return Status();
    TUTTI_TRY(encode_batch(pieces));
    for (const DocumentPiece& piece : pieces) state.bytes_done += piece.text.size();
    state.tokens = train_.counts.tokens + validation_.counts.tokens;
    if (progress) progress(state);
  }
}

Status Encoding::encode_batch(const std::vector<DocumentPiece>& pieces) {
  if (ids_.size() < pieces.size()) ids_.resize(pieces.size());
  std::vector<Status> failures(pieces.size());
  run_workers(pieces.size(), static_cast<int>(encoders_.size()), [&](int worker, size_t i) {
    ids_[i].clear();
    failures[i] = encoders_[worker].append(pieces[i].text, ids_[i]);
  });
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (!failures[i].ok()) {
      return Error{failures[i].error().kind,
                   fmt::format("{}:{}: {}", plan_.files[pieces[i].file].path, pieces[i].line,
                               failures[i].message())};
    }
    TUTTI_TRY(write(pieces[i], ids_[i]));
  }
  return Status();
}

Split Encoding::split_of(const DocumentPiece& piece) const {
  if (!plan_.by_document) return plan_.split[piece.file];
  return split_of_document(plan_.files[piece.file].relative, piece.line, options_.validation);
}

Status Encoding::write(const DocumentPiece& piece, std::span<const int32_t> ids) {
  const bool is_train = split_of(piece) == Split::kTrain;
  Output& output = is_train ? train_ : validation_;
  if (!output.writer) {
    const char* prefix = is_train ? kTrainPrefix : kValidationPrefix;
    TUTTI_ASSIGN(output.writer,
                 IndexedDatasetWriter::create(fs_, join_path(options_.directory, prefix), type_));
  }
  output.counts.files += output.last_file != piece.file;
  output.last_file = piece.file;
  output.counts.text_bytes += static_cast<int64_t>(piece.text.size());
  TUTTI_TRY(output.writer->append(ids));
  if (is_train) {
    for (const int32_t id : ids) ++train_counts_[id];
    train_counts_[end_of_text_] += piece.last;
  }
  if (piece.last) {
    TUTTI_TRY(output.writer->append(std::span(&end_of_text_, 1)));
    TUTTI_TRY(output.writer->end_document());
  }
  output.counts.tokens = output.writer->tokens();
  output.counts.documents = output.writer->documents();
  return Status();
}

Status Encoding::finish(DatasetMetadata& metadata) {
  if (train_.counts.documents == 0) {
    return invalid("validation fraction {} leaves no document to train on", options_.validation);
  }
  // A disk that is full says so before the old dataset goes.
  for (Output* output : {&train_, &validation_}) {
    if (output->writer) TUTTI_TRY(output->writer->stage());
  }
  TUTTI_TRY(remove_old(fs_, options_.directory));
  for (Output* output : {&train_, &validation_}) {
    if (output->writer) TUTTI_TRY(output->writer->finish());
  }
  metadata.train = train_.counts;
  metadata.validation = validation_.counts;
  metadata.unigram_entropy_nats = entropy_nats(train_counts_);
  return Status();
}

// True when the files that `metadata` describes have the sizes that it says.
bool is_whole(FileSystem& fs, const std::string& directory, const DatasetMetadata& metadata) {
  const uint64_t width = token_bytes(token_type_for(metadata.vocab_size));
  const auto matches = [&](const char* prefix, const SplitCounts& counts) {
    if (counts.documents == 0) return true;
    const std::string path = join_path(directory, prefix);
    const Result<FileInfo> bin = fs.stat(bin_path(path));
    return bin.ok() && bin->bytes == counts.tokens * width && exists(fs, idx_path(path));
  };
  return matches(kTrainPrefix, metadata.train) && matches(kValidationPrefix, metadata.validation) &&
         exists(fs, join_path(directory, kDatasetTokenizerFile));
}

Result<std::string> fingerprint(FileSystem& fs, const PrepareOptions& options,
                                const CorpusFiles& corpus, const std::string& tokenizer_digest,
                                const ProgressCallback& progress) {
  Digester digester;
  digester.update(fmt::format("{}\n{}\n{}\n{}\n{}\n", kPipelineVersion, tokenizer_digest,
                              document_format_name(options.documents.format),
                              options.documents.json_field, options.validation));
  TUTTI_TRY(digest_files(fs, options, corpus, progress, digester));
  return digester.digest().hex();
}

Status encode_corpus(FileSystem& fs, const PrepareOptions& options, const CorpusFiles& corpus,
                     const Tokenizer& tokenizer, const ProgressCallback& progress,
                     DatasetMetadata& metadata) {
  TUTTI_ASSIGN(const SplitPlan plan,
               plan_split(fs, corpus.files, options.documents.format, options.validation));
  const int threads = options.threads > 0 ? options.threads : default_threads();
  Encoding encoding(fs, options, tokenizer, metadata.end_of_text, plan, threads);
  TUTTI_TRY(encoding.run(progress, corpus.bytes));
  TUTTI_TRY(encoding.finish(metadata));
  if (options.validation > 0 && metadata.validation.documents == 0) {
    log_warning("nothing was held out for validation: the corpus is a single document");
  }
  return Status();
}

}  // namespace

Result<PreparedDataset> prepare_dataset(FileSystem& fs, const PrepareOptions& options,
                                        const ProgressCallback& progress) {
  TUTTI_ASSIGN(const std::string json, read_file(fs, options.tokenizer, kTokenizerBytesMax));
  TUTTI_ASSIGN(const Tokenizer tokenizer, Tokenizer::parse(json, options.tokenizer));
  const auto end_of_text = tokenizer.end_of_text();
  if (!end_of_text) {
    return invalid(
        "{}: no end-of-text token (<|endoftext|>, <|end_of_text|> or </s>) to put behind "
        "documents",
        options.tokenizer);
  }
  TUTTI_ASSIGN(const CorpusFiles corpus,
               find_corpus_files(fs, options.inputs, options.documents.format));
  for (const std::string& path : corpus.empty) log_warning("{}: left out: the file is empty", path);

  DatasetMetadata metadata;
  metadata.tokenizer_digest = digest_of(json).hex();
  metadata.vocab_size = tokenizer.vocab_size();
  metadata.end_of_text = end_of_text->id;
  metadata.end_of_text_token = end_of_text->content;
  metadata.format = document_format_name(options.documents.format);
  metadata.validation_fraction = options.validation;
  TUTTI_ASSIGN(metadata.fingerprint,
               fingerprint(fs, options, corpus, metadata.tokenizer_digest, progress));

  TUTTI_TRY(fs.create_directories(options.directory));
  TUTTI_ASSIGN(const auto lock, lock_directory(fs, options.directory));
  const Result<DatasetMetadata> old = read_dataset_metadata(fs, options.directory);
  if (old.ok() && old->fingerprint == metadata.fingerprint &&
      is_whole(fs, options.directory, *old)) {
    return PreparedDataset{*old, true};
  }
  TUTTI_TRY(encode_corpus(fs, options, corpus, tokenizer, progress, metadata));
  TUTTI_TRY(write_file_atomic(fs, join_path(options.directory, kDatasetTokenizerFile), json));
  TUTTI_TRY(write_file_atomic(fs, join_path(options.directory, kMetadataFile),
                              dataset_metadata_json(metadata)));
  return PreparedDataset{metadata, false};
}

}  // namespace tutti
