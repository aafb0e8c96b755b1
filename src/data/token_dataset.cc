#include "data/token_dataset.h"

#include <algorithm>
#include <numeric>

#include "data/indexed_dataset.h"
#include "data/token_source.h"

namespace tutti {

Result<TokenDataset> TokenDataset::create(TokenArray tokens, int64_t seq_len,
                                          const std::string& name) {
  TokenDataset dataset(std::move(tokens), {.seq_len = seq_len});
  TUTTI_TRY(dataset.cut(name));
  return dataset;
}

Result<TokenDataset> TokenDataset::open(FileSystem& fs, const std::string& path,
                                        const SampleOptions& options, int64_t vocab_size) {
  const bool by_document = options.packing != Packing::kStream || options.document_mask;
  TUTTI_ASSIGN(TokenSource source, open_token_source(fs, path, vocab_size));
  TokenDataset dataset(std::move(source.tokens), options);
  dataset.mask_ = std::move(source.mask);
  if (by_document) dataset.document_ends_ = std::move(source.document_ends);
  if (by_document && !source.indexed) {
    if (options.end_of_text < 0) {
      return invalid(
          "{}: has no .idx that says where documents end, and which token is their end is not "
          "known; set tokenizer.path, or leave data.document_mask and data.packing at their "
          "defaults",
          source.name);
    }
    dataset.document_ends_ = find_document_ends(dataset.tokens_, options.end_of_text);
  }
  TUTTI_TRY(dataset.cut(source.name));
  return dataset;
}

Status TokenDataset::cut(const std::string& name) {
  TUTTI_CHECK(options_.seq_len >= 1, "seq_len {}", options_.seq_len);
  if (options_.packing != Packing::kStream) {
    pack();
    if (samples_ > 0) return Status();
    return invalid("{}: no document of two tokens or more", name);
  }
  if (tokens_.size() <= options_.seq_len) {
    return invalid("{}: {} tokens are less than one sample of seq_len {} + 1", name, tokens_.size(),
                   options_.seq_len);
  }
  samples_ = (tokens_.size() - 1) / options_.seq_len;
  return Status();
}

// Tokens of the document from `begin` on that lie in one sample. None when no label follows them.
int64_t TokenDataset::unit(int64_t begin, int64_t document_end) const {
  return std::clamp<int64_t>(document_end - 1 - begin, 0, options_.seq_len);
}

void TokenDataset::pack() {
  int64_t room = 0, begin = 0;
  for (const int64_t end : document_ends_) {
    for (int64_t count = 0; (count = unit(begin, end)) > 0; begin += count) {
      if (count > room || options_.packing == Packing::kPadded) {
        sample_begins_.push_back(begin);
        room = options_.seq_len;
      }
      room -= count;
    }
    begin = end;
  }
  samples_ = static_cast<int64_t>(sample_begins_.size());
}

void TokenDataset::read_labelled(int64_t begin, std::span<int32_t> tokens,
                                 std::span<int32_t> labels) const {
  tokens_.read(begin, tokens);
  std::copy(tokens.begin() + 1, tokens.end(), labels.begin());
  tokens_.read(begin + static_cast<int64_t>(tokens.size()), labels.last(1));
  if (!mask_) return;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (!mask_->learned(begin + static_cast<int64_t>(i) + 1)) labels[i] = kIgnoredLabel;
  }
}

void TokenDataset::fill_stream(int64_t begin, std::span<int32_t> tokens, std::span<int32_t> labels,
                               std::vector<size_t>& runs) const {
  read_labelled(begin, tokens, labels);
  if (!options_.document_mask) return;
  size_t done = 0;
  auto end = std::upper_bound(document_ends_.begin(), document_ends_.end(), begin);
  for (; end != document_ends_.end(); ++end) {
    const auto at = static_cast<size_t>(*end - begin);  // where the next document begins
    if (at > tokens.size()) return;
    labels[at - 1] = kIgnoredLabel;
    if (at > done) runs.push_back(at - done);
    done = at;
  }
}

void TokenDataset::fill_packed(int64_t sample, std::span<int32_t> tokens, std::span<int32_t> labels,
                               std::vector<size_t>& runs) const {
  int64_t begin = sample_begins_[sample];
  const bool is_last = sample + 1 == samples_;
  const int64_t stop = is_last ? tokens_.size() : sample_begins_[sample + 1];
  size_t done = 0;
  auto end = std::upper_bound(document_ends_.begin(), document_ends_.end(), begin);
  while (begin < stop && end != document_ends_.end()) {
    const auto count = static_cast<size_t>(unit(begin, *end));
    if (count == 0) {
      begin = *end++;
      continue;
    }
    read_labelled(begin, tokens.subspan(done, count), labels.subspan(done, count));
    if (options_.document_mask) runs.push_back(count);
    done += count;
    begin += static_cast<int64_t>(count);
  }
  std::fill(tokens.begin() + static_cast<int64_t>(done), tokens.end(), 0);
  std::fill(labels.begin() + static_cast<int64_t>(done), labels.end(), kIgnoredLabel);
}

void TokenDataset::fill(int64_t sample, std::span<int32_t> tokens, std::span<int32_t> labels,
                        std::span<int32_t> positions, std::span<int32_t> segments) const {
  const auto length = static_cast<size_t>(options_.seq_len);
  TUTTI_CHECK(sample >= 0 && sample < samples_, "sample {} of {}", sample, samples_);
  TUTTI_CHECK(tokens.size() == length && labels.size() == length && positions.size() == length &&
                  (segments.empty() || segments.size() == length),
              "spans of {}, {}, {}, {}, expected {}", tokens.size(), labels.size(),
              positions.size(), segments.size(), length);
  std::vector<size_t> runs;  // tokens of each document; what is left after them is one more
  if (options_.packing == Packing::kStream) {
    fill_stream(sample * options_.seq_len, tokens, labels, runs);
  } else {
    fill_packed(sample, tokens, labels, runs);
  }
  size_t at = 0;
  for (size_t run = 0; at < length; ++run) {
    const size_t count = run < runs.size() ? runs[run] : length - at;
    std::iota(positions.begin() + at, positions.begin() + at + count, 0);
    if (!segments.empty()) {
      std::fill_n(segments.begin() + at, count, static_cast<int32_t>(run));
    }
    at += count;
  }
}

}  // namespace tutti
