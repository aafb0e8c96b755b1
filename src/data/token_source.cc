#include "data/token_source.h"

#include <algorithm>

#include "data/corpus_files.h"
#include "data/glob.h"
#include "data/indexed_dataset.h"

namespace tutti {
namespace {

constexpr int64_t kScanTokens = 1 << 14;

std::string prefix_of(const std::string& path) {
  for (const char* suffix : {".bin", ".idx"}) {
    if (path.ends_with(suffix)) return path.substr(0, path.size() - 4);
  }
  return path;
}

Result<TokenSource> open_indexed(FileSystem& fs, const std::string& prefix, int64_t vocab_size) {
  TUTTI_ASSIGN(auto indexed, IndexedDataset::open(fs, prefix, vocab_size));
  std::optional<LossMask> mask;
  if (exists(fs, mask_path(prefix))) {
    TUTTI_ASSIGN(mask, LossMask::open(fs, mask_path(prefix), indexed.tokens().size()));
  }
  std::vector<int64_t> document_ends = indexed.take_document_ends();
  return TokenSource{bin_path(prefix), std::move(indexed).take_tokens(), true,
                     std::move(document_ends), std::move(mask)};
}

// The files that a pattern names, in the order of their names, as one array.
Result<TokenSource> open_shards(FileSystem& fs, const std::string& pattern, int64_t vocab_size) {
  TUTTI_ASSIGN(const CorpusFiles found, find_corpus_files(fs, {pattern}, DocumentFormat::kAuto));
  std::vector<TokenArray> shards;
  for (const CorpusFile& file : found.files) {
    if (file.path.ends_with(".idx") || exists(fs, idx_path(prefix_of(file.path)))) {
      return invalid("{}: {} has an index: several of these are sets of data.mixture", pattern,
                     file.path);
    }
    TUTTI_ASSIGN(TokenArray shard, open_token_file(fs, file.path));
    TUTTI_TRY(shard.check_below(vocab_size, file.path));
    if (!shards.empty() && shard.type() != shards.front().type()) {
      return corrupt("{}: {} and {} have tokens of other widths", pattern, found.files.front().path,
                     file.path);
    }
    shards.push_back(std::move(shard));
  }
  return TokenSource{pattern, TokenArray::join(std::move(shards)), false, {}, std::nullopt};
}

}  // namespace

Result<TokenSource> open_token_source(FileSystem& fs, const std::string& path, int64_t vocab_size) {
  const std::string prefix = prefix_of(path);
  if (exists(fs, idx_path(prefix))) return open_indexed(fs, prefix, vocab_size);
  const Result<FileInfo> info = fs.stat(path);
  if (!info.ok() && is_glob(path)) return open_shards(fs, path, vocab_size);
  if (!info.ok() || info->kind != FileKind::kFile || path.ends_with(".idx")) {
    const char* hint = exists(fs, bin_path(prefix))
                           ? "; the .bin is: name it itself when it is one of nanoGPT or llm.c"
                           : "";
    return not_found("{}: no tokens here: {} is not there{}", path, idx_path(prefix), hint);
  }
  TUTTI_ASSIGN(auto tokens, open_token_file(fs, path));
  TUTTI_TRY(tokens.check_below(vocab_size, path));
  return TokenSource{path, std::move(tokens), false, {}, std::nullopt};
}

std::vector<int64_t> find_document_ends(const TokenArray& tokens, int32_t end_of_text) {
  std::vector<int64_t> ends;
  std::vector<int32_t> part;
  for (int64_t begin = 0; begin < tokens.size(); begin += static_cast<int64_t>(part.size())) {
    part.resize(std::min(kScanTokens, tokens.size() - begin));
    tokens.read(begin, part);
    for (size_t i = 0; i < part.size(); ++i) {
      if (part[i] == end_of_text) ends.push_back(begin + static_cast<int64_t>(i) + 1);
    }
  }
  if (tokens.size() > 0 && (ends.empty() || ends.back() < tokens.size())) {
    ends.push_back(tokens.size());
  }
  return ends;
}

}  // namespace tutti
