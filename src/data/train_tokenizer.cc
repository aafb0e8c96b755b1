#include "data/train_tokenizer.h"

#include "base/log.h"
#include "data/worker_loop.h"

namespace tutti {
namespace {

constexpr size_t kBatchBytesPerThread = size_t{8} << 20;

using ProgressCallback = std::function<void(const TrainTokenizerProgress&)>;

Result<WordCounts> count_corpus(FileSystem& fs, const TrainTokenizerOptions& options,
                                const ProgressCallback& progress, TokenizerTraining& training) {
  TUTTI_ASSIGN(const CorpusFiles corpus,
               find_corpus_files(fs, options.inputs, options.documents.format));
  for (const std::string& path : corpus.empty) log_warning("{}: left out: the file is empty", path);
  training.files = static_cast<int64_t>(corpus.files.size());
  const PreTokenizer pre_tokenizer = make_gpt2_pre_tokenizer();
  const int threads = options.threads > 0 ? options.threads : default_threads();
  WordCounter counter(pre_tokenizer, threads);
  DocumentStream stream(fs, corpus.files, options.documents);
  std::vector<DocumentPiece> pieces;
  while (true) {
    pieces.clear();
    TUTTI_TRY(stream.next_batch(kBatchBytesPerThread * threads, pieces));
    if (pieces.empty()) break;
    std::vector<std::string_view> texts;
    for (const DocumentPiece& piece : pieces) {
      texts.push_back(piece.text);
      training.documents += piece.last;
      training.text_bytes += static_cast<int64_t>(piece.text.size());
    }
    TUTTI_TRY(counter.add(texts));
    const auto done = static_cast<uint64_t>(training.text_bytes);
    if (progress) progress({"counting words", done, corpus.bytes});
  }
  return counter.take();
}

}  // namespace

Result<TokenizerTraining> train_tokenizer(FileSystem& fs, const TrainTokenizerOptions& options,
                                          const ProgressCallback& progress) {
  TUTTI_TRY(check_options(options.bpe));  // before a long read
  TokenizerTraining training;
  TUTTI_ASSIGN(const WordCounts words, count_corpus(fs, options, progress, training));
  training.different_words = static_cast<int64_t>(words.size());
  const auto merging = [&](int32_t made, int32_t wanted) {
    if (progress) progress({"merging", static_cast<uint64_t>(made), static_cast<uint64_t>(wanted)});
  };
  TUTTI_ASSIGN(training.trained, train_bpe(words, options.bpe, merging));
  return training;
}

}  // namespace tutti
