#include "data/prepare.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/digest.h"
#include "base/log.h"
#include "data/dataset_summary.h"
#include "data/encode_corpus.h"
#include "data/indexed_dataset.h"
#include "data/prepare_journal.h"
#include "data/tokenizer.h"
#include "data/validation_split.h"
#include "data/worker_loop.h"

namespace tutti {
namespace {

// Changes when the same inputs would give other tokens: by text_pieces.cc, the stages of a
// tokenizer, or their tables of characters (unicode_age.h, regex_syntax.cc, and those of utf8proc
// and PCRE2).
constexpr int kPipelineVersion = 3;

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

// True when the files that `metadata` describes have the sizes that it says.
bool is_whole(FileSystem& fs, const std::string& directory, const DatasetMetadata& metadata) {
  const uint64_t width = token_bytes(token_type_for(metadata.vocab_size));
  const auto matches = [&](const char* prefix, const SplitCounts& counts) {
    if (counts.documents == 0) return true;
    const std::string path = join_path(directory, prefix);
    const Result<FileInfo> bin = fs.stat(bin_path(path));
    const bool masked = !metadata.loss_mask || exists(fs, mask_path(path));
    return bin.ok() && bin->bytes == counts.tokens * width && exists(fs, idx_path(path)) && masked;
  };
  return matches(kTrainPrefix, metadata.train) && matches(kValidationPrefix, metadata.validation) &&
         exists(fs, join_path(directory, kDatasetTokenizerFile));
}

Result<std::string> fingerprint(FileSystem& fs, const PrepareOptions& options,
                                const CorpusFiles& corpus, const std::string& tokenizer_digest,
                                const ProgressCallback& progress) {
  Digester digester;
  digester.update(fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n", kPipelineVersion, tokenizer_digest,
                              document_format_name(options.documents.format),
                              options.documents.json_field, options.validation,
                              invalid_utf8_name(options.documents.invalid_utf8)));
  TUTTI_TRY(digest_files(fs, options, corpus, progress, digester));
  return digester.digest().hex();
}

const std::array<const char*, 2> kPrefixes = {kTrainPrefix, kValidationPrefix};

// What a preparation leaves while it is under way; its journal goes first.
Status remove_unfinished(FileSystem& fs, const std::string& directory) {
  const std::string journal = join_path(directory, kJournalFile);
  if (exists(fs, journal)) TUTTI_TRY(fs.remove(journal));
  for (const char* prefix : kPrefixes) {
    TUTTI_TRY(remove_unfinished_dataset(fs, join_path(directory, prefix)));
  }
  return Status();
}

// Whether the temporary files have what the point says; someone may have removed them.
bool fits(FileSystem& fs, const PrepareOptions& options, const Tokenizer& tokenizer,
          const PreparePoint& point) {
  const auto has = [&](const char* prefix, const SplitPoint& split) {
    return has_unfinished_dataset(
        fs, join_path(options.directory, prefix),
        writer_options(tokenizer, options.documents.format, split.written));
  };
  return point.encoded ||
         (has(kTrainPrefix, point.train) && has(kValidationPrefix, point.validation));
}

// What to go on with: nothing, where there is no journal or one that does not fit.
JournalContent find_journal(FileSystem& fs, const PrepareOptions& options,
                            const Tokenizer& tokenizer, const std::string& fingerprint) {
  const std::string path = join_path(options.directory, kJournalFile);
  if (!exists(fs, path)) return {};
  const Result<std::string> text = read_file(fs, path);
  const Result<JournalContent> content =
      text.ok() ? parse_journal(*text, fingerprint, path) : Result<JournalContent>(text.error());
  if (!content.ok()) {
    log_info("{}; preparing from the start", content.message());
    return {};
  }
  if (fits(fs, options, tokenizer, content->point)) return *content;
  log_warning("{}: the files that it speaks of are gone or cut; preparing from the start", path);
  return {};
}

SplitCounts counts_of(const SplitPoint& split) {
  return {.files = split.files,
          .documents = split.written.documents,
          .tokens = split.written.tokens,
          .text_bytes = split.text_bytes};
}

// The counts, and the entropy of the training tokens. Every token is looked at once more: temporary
// files of a preparation that was cut off may have been written over since.
Status summarize(FileSystem& fs, const PrepareOptions& options, const Tokenizer& tokenizer,
                 const PreparePoint& point, DatasetMetadata& metadata) {
  metadata.train = counts_of(point.train);
  metadata.validation = counts_of(point.validation);
  const auto tokens = [&](const char* prefix) {
    return closed_tokens(fs, join_path(options.directory, prefix),
                         token_type_for(tokenizer.vocab_size()), tokenizer.vocab_size());
  };
  TUTTI_ASSIGN(const TokenArray train, tokens(kTrainPrefix));
  metadata.unigram_entropy_nats = count_tokens(train).entropy_nats;
  return point.validation.written.documents > 0 ? tokens(kValidationPrefix).status() : Status();
}

// A disk that is full says so in the first half, before the old dataset goes in the second.
Status name_splits(FileSystem& fs, const PrepareOptions& options, const Tokenizer& tokenizer,
                   const PreparePoint& point) {
  const SplitPoint* splits[] = {&point.train, &point.validation};
  const auto writer = [&](size_t i) {
    return writer_options(tokenizer, options.documents.format, splits[i]->written);
  };
  const auto prefix = [&](size_t i) { return join_path(options.directory, kPrefixes[i]); };
  for (size_t i = 0; i < kPrefixes.size(); ++i) {
    if (splits[i]->written.documents == 0) continue;
    TUTTI_TRY(stage_indexed_dataset(fs, prefix(i), writer(i)));
  }
  const std::string metadata_path = join_path(options.directory, kMetadataFile);
  if (exists(fs, metadata_path)) {
    TUTTI_TRY(fs.remove(metadata_path));
    TUTTI_TRY(fs.sync_directory(options.directory));
  }
  for (size_t i = 0; i < kPrefixes.size(); ++i) {
    if (splits[i]->written.documents > 0) {
      TUTTI_TRY(complete_indexed_dataset(fs, prefix(i), writer(i)));
      continue;
    }
    for (const std::string& path :
         {bin_path(prefix(i)), idx_path(prefix(i)), mask_path(prefix(i))}) {
      if (exists(fs, path)) TUTTI_TRY(fs.remove(path));
    }
  }
  return Status();
}

// From temporary files to the dataset; done again after an interruption it does what is left.
Status complete(FileSystem& fs, const PrepareOptions& options, const Tokenizer& tokenizer,
                const std::string& tokenizer_text, const PreparePoint& point,
                DatasetMetadata& metadata) {
  if (point.train.written.documents == 0) {
    return invalid("validation fraction {} leaves no document to train on", options.validation);
  }
  TUTTI_TRY(summarize(fs, options, tokenizer, point, metadata));
  TUTTI_TRY(name_splits(fs, options, tokenizer, point));
  TUTTI_TRY(
      write_file_atomic(fs, join_path(options.directory, kDatasetTokenizerFile), tokenizer_text));
  TUTTI_TRY(write_file_atomic(fs, join_path(options.directory, kMetadataFile),
                              dataset_metadata_json(metadata)));
  // The dataset is whole; what this leaves, the next call removes.
  if (const Status removed = remove_unfinished(fs, options.directory); !removed.ok()) {
    log_warning("{}", removed.message());
  }
  return Status();
}

Status encode(FileSystem& fs, const PrepareOptions& options, const SplitPlan& plan,
              const Tokenizer& tokenizer, PrepareJournal& journal, PreparePoint& point,
              const std::function<void(const EncodeProgress&)>& progress) {
  EncodeCorpusOptions encoding;
  encoding.directory = options.directory;
  encoding.documents = options.documents;
  encoding.documents.spaces_first = adds_leading_space(tokenizer);
  encoding.validation = options.validation;
  encoding.threads = options.threads > 0 ? options.threads : default_threads();
  encoding.commit_bytes = options.commit_bytes;
  encoding.batch_bytes = options.batch_bytes;
  encoding.check_stop = [&options] { return check_stop(options); };
  return encode_corpus(fs, tokenizer, plan, encoding, journal, point, progress);
}

// All but the fingerprint and what the tokens say.
DatasetMetadata describe(const PrepareOptions& options, const Tokenizer& tokenizer,
                         std::string_view tokenizer_text, const AddedToken& end_of_text) {
  DatasetMetadata metadata;
  metadata.tokenizer_digest = digest_of(tokenizer_text).hex();
  metadata.vocab_size = tokenizer.vocab_size();
  metadata.end_of_text = end_of_text.id;
  metadata.end_of_text_token = end_of_text.content;
  metadata.format = document_format_name(options.documents.format);
  metadata.validation_fraction = options.validation;
  metadata.loss_mask = options.documents.format == DocumentFormat::kChat;
  return metadata;
}

void warn_of_no_validation(const PrepareOptions& options, const DatasetMetadata& metadata) {
  if (options.validation == 0 || metadata.validation.documents > 0) return;
  const int64_t documents = metadata.train.documents;
  if (documents == 1) {
    log_warning("nothing was held out for validation: the corpus is a single document");
  } else {
    log_warning("nothing was held out for validation: at {} it happened to be none of {} documents",
                options.validation, documents);
  }
}

// Whether the same preparation can succeed once the machine is better.
bool can_go_on(ErrorKind kind) {
  return kind == ErrorKind::kIo || kind == ErrorKind::kResource || kind == ErrorKind::kInterrupted;
}

}  // namespace

Result<PreparedDataset> prepare_dataset(FileSystem& fs, const PrepareOptions& options,
                                        const ProgressCallback& progress) {
  TUTTI_TRY(check_fraction(options.validation));
  TUTTI_ASSIGN(const std::string json, read_file(fs, options.tokenizer, Tokenizer::kFileBytesMax));
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

  DatasetMetadata metadata = describe(options, tokenizer, json, *end_of_text);
  TUTTI_ASSIGN(metadata.fingerprint,
               fingerprint(fs, options, corpus, metadata.tokenizer_digest, progress));

  TUTTI_TRY(fs.create_directories(options.directory));
  TUTTI_ASSIGN(const auto lock, lock_directory(fs, options.directory));
  const Result<DatasetMetadata> old = read_dataset_metadata(fs, options.directory);
  if (old.ok() && old->fingerprint == metadata.fingerprint &&
      is_whole(fs, options.directory, *old)) {
    TUTTI_TRY(remove_unfinished(fs, options.directory));
    return PreparedDataset{*old, true, false};
  }
  TUTTI_ASSIGN(const SplitPlan plan,
               plan_split(fs, corpus.files, options.documents.format, options.validation));
  const JournalContent begun = find_journal(fs, options, tokenizer, metadata.fingerprint);
  // Up to here a failure leaves what another preparation may go on with.
  TUTTI_ASSIGN(const auto journal,
               PrepareJournal::open(fs, options.directory, metadata.fingerprint, begun.bytes));
  PreparePoint point = begun.point;
  Status status;
  if (!point.encoded) {
    status = encode(fs, options, plan, tokenizer, *journal, point, [&](const EncodeProgress& now) {
      if (progress) progress({"encoding", now.bytes_done, corpus.bytes, now.tokens});
    });
  }
  if (status.ok()) status = complete(fs, options, tokenizer, json, point, metadata);
  if (!status.ok()) {
    const bool goes_on =
        can_go_on(status.error().kind) &&
        find_journal(fs, options, tokenizer, metadata.fingerprint).point != PreparePoint();
    if (!goes_on) (void)remove_unfinished(fs, options.directory);
    return status;
  }
  warn_of_no_validation(options, metadata);
  return PreparedDataset{metadata, false, begun.point != PreparePoint()};
}

}  // namespace tutti
