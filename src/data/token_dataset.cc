#include "data/token_dataset.h"

#include <algorithm>
#include <numeric>

#include "data/indexed_dataset.h"

namespace tutti {

Result<TokenDataset> TokenDataset::create(TokenArray tokens, int64_t seq_len,
                                          const std::string& name) {
  TUTTI_CHECK(seq_len >= 1, "seq_len {}", seq_len);
  if (tokens.size() <= seq_len) {
    return invalid("{}: {} tokens are less than one sample of seq_len {} + 1", name, tokens.size(),
                   seq_len);
  }
  return TokenDataset(std::move(tokens), seq_len);
}

Result<TokenDataset> TokenDataset::open(FileSystem& fs, const std::string& path, int64_t seq_len,
                                        int64_t vocab_size) {
  std::string prefix = path;
  if (prefix.ends_with(".bin")) prefix.resize(prefix.size() - 4);
  if (exists(fs, idx_path(prefix)) || prefix == path) {
    TUTTI_ASSIGN(auto indexed, IndexedDataset::open(fs, prefix, vocab_size));
    return create(std::move(indexed).take_tokens(), seq_len, bin_path(prefix));
  }
  TUTTI_ASSIGN(auto tokens, open_token_file(fs, path));
  TUTTI_TRY(tokens.check_below(vocab_size, path));
  return create(std::move(tokens), seq_len, path);
}

void TokenDataset::fill(int64_t sample, std::span<int32_t> tokens, std::span<int32_t> labels,
                        std::span<int32_t> positions) const {
  const auto length = static_cast<size_t>(seq_len_);
  TUTTI_CHECK(sample >= 0 && sample < samples_, "sample {} of {}", sample, samples_);
  TUTTI_CHECK(tokens.size() == length && labels.size() == length && positions.size() == length,
              "spans of {}, {}, {}, expected {}", tokens.size(), labels.size(), positions.size(),
              length);
  tokens_.read(sample * seq_len_, tokens);
  std::copy(tokens.begin() + 1, tokens.end(), labels.begin());
  tokens_.read((sample + 1) * seq_len_, labels.last(1));
  std::iota(positions.begin(), positions.end(), 0);
}

}  // namespace tutti
