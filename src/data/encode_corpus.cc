#include "data/encode_corpus.h"

#include <algorithm>
#include <deque>
#include <mutex>

#include "base/thread_pool.h"

namespace tutti {
namespace {

// Enough that no worker waits while the oldest batch is written.
constexpr size_t kBatchesPerThread = 3;
// Batches of long lines are large: fewer of them are held then.
constexpr size_t kHeldBytesMax = size_t{64} << 20;

struct Batch {
  std::vector<DocumentPiece> pieces;
  size_t bytes = 0;
  StreamPosition end;  // of the stream, behind it
  Status status;       // of reading on
};

struct EncodedBatch {
  EncodedPieces encoded;
  Status status;  // of the first error; what came before it is encoded
  size_t bytes = 0;
  StreamPosition end;
};

// Encoders that wait for work, each with its buffers and its cache of words.
class EncoderPool {
 public:
  EncoderPool(const Tokenizer& tokenizer, const DocumentOptions& options)
      : tokenizer_(tokenizer), options_(options) {}

  std::unique_ptr<DocumentEncoder> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<DocumentEncoder>(tokenizer_, options_);
    auto encoder = std::move(idle_.back());
    idle_.pop_back();
    return encoder;
  }
  void give_back(std::unique_ptr<DocumentEncoder> encoder) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(encoder));
  }

 private:
  const Tokenizer& tokenizer_;
  const DocumentOptions& options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<DocumentEncoder>> idle_;
};

class CorpusEncoder {
 public:
  CorpusEncoder(FileSystem& fs, const Tokenizer& tokenizer, const SplitPlan& plan,
                const EncodeCorpusOptions& options, PrepareJournal& journal, PreparePoint& point)
      : fs_(fs),
        tokenizer_(tokenizer),
        plan_(plan),
        options_(options),
        journal_(journal),
        point_(point),
        stream_(fs, plan.files, options.documents, point.read),
        encoders_(tokenizer, options.documents),
        pool_(options.threads) {}

  Status run(const std::function<void(const EncodeProgress&)>& progress);

 private:
  Status open_writer(Split split);
  Batch read_batch();
  EncodedBatch encode(Batch batch);
  Status write(EncodedBatch batch);
  Status write_piece(const EncodedPiece& piece, std::string_view tokens, std::string_view mask);
  Status note_text(size_t file);
  Status commit();
  Split split_of(const EncodedPiece& piece) const;
  SplitPoint& point_of(Split split) {
    return split == Split::kTrain ? point_.train : point_.validation;
  }
  EncodeProgress progress();

  FileSystem& fs_;
  const Tokenizer& tokenizer_;
  const SplitPlan& plan_;
  const EncodeCorpusOptions& options_;
  PrepareJournal& journal_;
  PreparePoint& point_;
  DocumentStream stream_;
  std::unique_ptr<IndexedDatasetWriter> writers_[2];  // by Split; made for the first document
  size_t uncommitted_bytes_ = 0;
  size_t files_done_ = 0;
  uint64_t bytes_done_ = 0;  // of those files
  EncoderPool encoders_;
  ThreadPool pool_;  // last: its threads use what is above
};

Status CorpusEncoder::run(const std::function<void(const EncodeProgress&)>& progress_callback) {
  for (const Split split : {Split::kTrain, Split::kValidation}) {
    if (point_of(split).written != IndexedProgress()) TUTTI_TRY(open_writer(split));
  }
  std::deque<std::future<EncodedBatch>> held;
  size_t held_bytes = 0;
  bool at_end = false;
  while (true) {
    const size_t batches_max = kBatchesPerThread * static_cast<size_t>(pool_.threads());
    if (options_.check_stop) TUTTI_TRY(options_.check_stop());
    while (!at_end && held.size() < batches_max && held_bytes < kHeldBytesMax) {
      Batch batch = read_batch();
      at_end = batch.bytes == 0 || !batch.status.ok();
      held_bytes += batch.bytes;
      held.push_back(pool_.submit(
          [this, work = std::move(batch)]() mutable { return encode(std::move(work)); }));
    }
    if (held.empty()) break;
    EncodedBatch batch = held.front().get();
    held.pop_front();
    held_bytes -= batch.bytes;
    TUTTI_TRY(write(std::move(batch)));
    if (progress_callback) progress_callback(progress());
  }
  point_.read = stream_.position();
  TUTTI_TRY(note_text(plan_.files.size()));
  for (const auto& writer : writers_) {
    if (writer) TUTTI_TRY(writer->close());
  }
  point_.encoded = true;
  return journal_.commit(point_);
}

Status CorpusEncoder::open_writer(Split split) {
  const char* prefix = split == Split::kTrain ? kTrainPrefix : kValidationPrefix;
  TUTTI_ASSIGN(writers_[static_cast<size_t>(split)],
               IndexedDatasetWriter::create(
                   fs_, join_path(options_.directory, prefix),
                   writer_options(tokenizer_, options_.documents.format, point_of(split).written)));
  return fs_.sync_directory(
      options_.directory);  // its files must be there before a point names them
}

// Errors wait their turn: an earlier document may have one too.
Batch CorpusEncoder::read_batch() {
  Batch batch;
  while (batch.bytes < options_.batch_bytes) {
    DocumentPiece piece;
    const Result<bool> found = stream_.next_raw(piece);
    batch.status = found.status();
    if (!found.ok() || !*found) break;
    batch.bytes += piece.text.size() + sizeof(piece);
    batch.pieces.push_back(std::move(piece));
  }
  batch.end = stream_.position();
  return batch;
}

// Runs on a thread of the pool.
EncodedBatch CorpusEncoder::encode(Batch batch) {
  auto encoder = encoders_.take();
  EncodedBatch out;
  out.bytes = batch.bytes;
  out.end = batch.end;
  for (DocumentPiece& piece : batch.pieces) {
    const CorpusFile& file = plan_.files[piece.file];
    out.status = encoder->append(std::move(piece), file, out.encoded);
    if (!out.status.ok()) break;
  }
  if (out.status.ok()) out.status = batch.status;
  encoders_.give_back(std::move(encoder));
  return out;
}

Status CorpusEncoder::write(EncodedBatch batch) {
  const size_t width = token_bytes(token_type_for(tokenizer_.vocab_size()));
  std::string_view tokens = batch.encoded.tokens, mask = batch.encoded.mask;
  const bool masked = !mask.empty();
  for (const EncodedPiece& piece : batch.encoded.pieces) {
    const auto count = static_cast<size_t>(piece.tokens);
    TUTTI_TRY(note_text(piece.file));
    TUTTI_TRY(write_piece(piece, tokens.substr(0, count * width),
                          masked ? mask.substr(0, count) : std::string_view()));
    tokens.remove_prefix(count * width);
    if (masked) mask.remove_prefix(count);
  }
  TUTTI_TRY(batch.status);
  point_.read = batch.end;
  uncommitted_bytes_ += batch.bytes;
  return uncommitted_bytes_ < options_.commit_bytes ? Status() : commit();
}

Status CorpusEncoder::write_piece(const EncodedPiece& piece, std::string_view tokens,
                                  std::string_view mask) {
  const Split split = split_of(piece);
  SplitPoint& point = point_of(split);
  const auto& writer = writers_[static_cast<size_t>(split)];
  if (!writer) TUTTI_TRY(open_writer(split));
  const auto file = static_cast<int64_t>(piece.file);
  point.files += point.last_file != file;
  point.last_file = file;
  point.text_bytes += piece.text_bytes;
  TUTTI_TRY(writer->append_packed(tokens, mask));
  if (piece.last) TUTTI_TRY(writer->end_document());
  point.written = writer->progress();
  return Status();
}

// There is text in `file`: those before it must have had some too.
Status CorpusEncoder::note_text(size_t file) {
  const auto number = static_cast<int64_t>(file);
  if (number > point_.first_without_text) {
    return corrupt("{}: no text in this file", plan_.files[point_.first_without_text].path);
  }
  point_.first_without_text = number + 1;
  return Status();
}

Status CorpusEncoder::commit() {
  for (const auto& writer : writers_) {
    if (writer) TUTTI_TRY(writer->sync());
  }
  TUTTI_TRY(journal_.commit(point_));
  uncommitted_bytes_ = 0;
  return Status();
}

Split CorpusEncoder::split_of(const EncodedPiece& piece) const {
  if (!plan_.by_document) return plan_.split[piece.file];
  return split_of_document(plan_.files[piece.file].relative, piece.line, options_.validation);
}

// Of a file that is compressed, the bytes that it decompressed to; no more than it has.
EncodeProgress CorpusEncoder::progress() {
  const auto bytes_until = [&](size_t i, uint64_t offset) {
    const CorpusFile& file = plan_.files[i];
    const uint64_t at = std::min({offset, file.end, file.bytes});
    return at - std::min(at, file.begin);
  };
  for (; files_done_ < point_.read.file; ++files_done_) {
    bytes_done_ += bytes_until(files_done_, UINT64_MAX);
  }
  EncodeProgress progress;
  progress.tokens = point_.train.written.tokens + point_.validation.written.tokens;
  progress.bytes_done = bytes_done_;
  if (files_done_ < plan_.files.size()) {
    progress.bytes_done += bytes_until(files_done_, point_.read.in_file.offset);
  }
  return progress;
}

}  // namespace

IndexedWriterOptions writer_options(const Tokenizer& tokenizer, DocumentFormat format,
                                    const IndexedProgress& start) {
  return {.type = token_type_for(tokenizer.vocab_size()),
          .mask = format == DocumentFormat::kChat,
          .keep = true,
          .start = start};
}

Status encode_corpus(FileSystem& fs, const Tokenizer& tokenizer, const SplitPlan& plan,
                     const EncodeCorpusOptions& options, PrepareJournal& journal,
                     PreparePoint& point,
                     const std::function<void(const EncodeProgress&)>& progress) {
  CorpusEncoder encoder(fs, tokenizer, plan, options, journal, point);
  return encoder.run(progress);
}

}  // namespace tutti
