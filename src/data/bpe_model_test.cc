#include "data/bpe_model.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

namespace tutti {
namespace {

struct Parts {
  BpeModel::Vocabulary vocabulary;
  std::vector<std::pair<int32_t, int32_t>> merges;
};

Parts bytes_only() {
  Parts parts;
  for (int byte = 0; byte < 256; ++byte) parts.vocabulary.push_back(std::string(1, char(byte)));
  return parts;
}

// Merges of random pairs over two letters, so that long words have many and overlapping merges.
Parts random_parts(std::mt19937& random) {
  Parts parts = bytes_only();
  std::vector<int32_t> ids = {'a', 'b'};
  for (int i = 0; i < 40; ++i) {
    const int32_t left = ids[random() % ids.size()], right = ids[random() % ids.size()];
    const std::string bytes = parts.vocabulary[left] + parts.vocabulary[right];
    const auto& words = parts.vocabulary;
    if (std::find(words.begin(), words.end(), bytes) != words.end()) continue;
    ids.push_back(static_cast<int32_t>(parts.vocabulary.size()));
    parts.vocabulary.push_back(bytes);
    parts.merges.emplace_back(left, right);
  }
  return parts;
}

// The definition: apply the lowest merge that is there, leftmost first, until none is.
std::vector<int32_t> merge_naively(const Parts& parts, const std::string& word) {
  std::vector<int32_t> ids(word.begin(), word.end());
  while (true) {
    size_t best_rank = parts.merges.size(), best = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      for (size_t rank = 0; rank < best_rank; ++rank) {
        if (parts.merges[rank] != std::pair(ids[i], ids[i + 1])) continue;
        best_rank = rank;
        best = i;
      }
    }
    if (best_rank == parts.merges.size()) return ids;
    const std::string bytes = parts.vocabulary[ids[best]] + parts.vocabulary[ids[best + 1]];
    ids[best] =
        static_cast<int32_t>(std::find(parts.vocabulary.begin(), parts.vocabulary.end(), bytes) -
                             parts.vocabulary.begin());
    ids.erase(ids.begin() + best + 1);
  }
}

std::vector<int32_t> encode(const BpeModel& model, std::string_view word) {
  BpeModel::Scratch scratch;
  std::vector<int32_t> ids;
  model.encode(word, scratch, ids);
  return ids;
}

TEST(BpeModel, ShortAndLongWordsMergeAsDefined) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 100; ++round) {
    const Parts parts = random_parts(random);
    const auto model = BpeModel::create(parts.vocabulary, parts.merges, false);
    ASSERT_TRUE(model.ok()) << model.message();
    for (const size_t bytes : {1, 2, 3, 31, 32, 33, 80}) {
      std::string word;
      for (size_t i = 0; i < bytes; ++i) word.push_back(random() % 3 == 0 ? 'b' : 'a');
      ASSERT_EQ(encode(*model, word), merge_naively(parts, word)) << word;
    }
  }
}

TEST(BpeModel, ALongWordIsQuick) {
  Parts parts = bytes_only();
  for (int32_t id = 'a', i = 0; i < 12; ++i) {  // aa, aaaa, …: every position merges, many times
    parts.merges.emplace_back(id, id);
    parts.vocabulary.push_back(parts.vocabulary[id] + parts.vocabulary[id]);
    id = static_cast<int32_t>(parts.vocabulary.size()) - 1;
  }
  const auto model = BpeModel::create(parts.vocabulary, parts.merges, false);
  ASSERT_TRUE(model.ok());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(encode(*model, std::string(1 << 18, 'a')).size(), (1u << 18) / 4096);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  EXPECT_LT(elapsed.count(), 10);  // an O(n^2) merge takes minutes
}

TEST(BpeModel, WholeWordsComeBeforeMerges) {
  Parts parts = bytes_only();
  parts.vocabulary.push_back("abc");  // reached by no merge
  const auto plain = BpeModel::create(parts.vocabulary, {}, false);
  const auto whole = BpeModel::create(parts.vocabulary, {}, true);
  ASSERT_TRUE(plain.ok() && whole.ok());
  EXPECT_EQ(encode(*plain, "abc"), (std::vector<int32_t>{'a', 'b', 'c'}));
  EXPECT_EQ(encode(*whole, "abc"), std::vector<int32_t>{256});
}

TEST(BpeModel, RefusesPartsThatDoNotFit) {
  Parts parts = bytes_only();
  EXPECT_NE(BpeModel::create(parts.vocabulary, {{'a', 300}}, false).message().find("300"),
            std::string::npos);
  EXPECT_NE(BpeModel::create(parts.vocabulary, {{'a', 'b'}}, false).message().find("lacks"),
            std::string::npos);
  parts.vocabulary[7] = "xx";
  EXPECT_NE(BpeModel::create(parts.vocabulary, {}, false).message().find("0x07"),
            std::string::npos);
}

}  // namespace
}  // namespace tutti
