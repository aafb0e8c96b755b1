#include "data/bpe_model.h"

#include <gtest/gtest.h>

#include <ctime>
#include <random>

#include "base/test_sanitized.h"

namespace tutti {
namespace {

struct Parts {
  BpeModel::Vocabulary vocabulary;
  std::vector<BpeModel::Merge> merges;

  void merge(int32_t left, int32_t right) {
    merges.push_back({left, right, static_cast<uint32_t>(merges.size())});
  }
};

Result<BpeModel> model_of(const Parts& parts, const BpeOptions& options = {}) {
  return BpeModel::create(parts.vocabulary, parts.merges, options);
}

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
    parts.merge(left, right);
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
        if (parts.merges[rank].left != ids[i] || parts.merges[rank].right != ids[i + 1]) continue;
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
  const Status status = model.encode(word, scratch, ids);
  EXPECT_TRUE(status.ok()) << status.message();
  return ids;
}

TEST(BpeModel, ShortAndLongWordsMergeAsDefined) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 100; ++round) {
    const Parts parts = random_parts(random);
    const auto model = model_of(parts);
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
    parts.merge(id, id);
    parts.vocabulary.push_back(parts.vocabulary[id] + parts.vocabulary[id]);
    id = static_cast<int32_t>(parts.vocabulary.size()) - 1;
  }
  const auto model = model_of(parts);
  ASSERT_TRUE(model.ok());
  const std::clock_t start = std::clock();  // of this process: a busy machine does not count
  EXPECT_EQ(encode(*model, std::string(1 << 18, 'a')).size(), (1u << 18) / 4096);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_LT(seconds, kSanitized ? 60 : 10);  // an O(n^2) merge takes minutes, or hours
}

TEST(BpeModel, WholeWordsComeBeforeMerges) {
  Parts parts = bytes_only();
  parts.vocabulary.push_back("abc");  // reached by no merge
  const auto plain = model_of(parts);
  const auto whole = model_of(parts, {.whole_words = true});
  ASSERT_TRUE(plain.ok() && whole.ok());
  EXPECT_EQ(encode(*plain, "abc"), (std::vector<int32_t>{'a', 'b', 'c'}));
  EXPECT_EQ(encode(*whole, "abc"), std::vector<int32_t>{256});
}

TEST(BpeModel, RefusesPartsThatDoNotFit) {
  Parts parts = bytes_only();
  EXPECT_NE(BpeModel::create(parts.vocabulary, {{'a', 300, 0}}, {}).message().find("300"),
            std::string::npos);
  EXPECT_NE(BpeModel::create(parts.vocabulary, {{'a', 'b', 0}}, {}).message().find("lacks"),
            std::string::npos);
  parts.vocabulary[7] = "xx";
  EXPECT_NE(model_of(parts).message().find("0x07"), std::string::npos);
}

// A vocabulary of characters: <unk>, the 256 bytes, then these.
Parts characters_only(const std::vector<std::string>& characters) {
  Parts parts;
  parts.vocabulary.push_back("<unk>");
  for (int byte = 0; byte < 256; ++byte) {
    parts.vocabulary.push_back(fmt::format("<0x{:02X}>", byte));
  }
  for (const std::string& character : characters) parts.vocabulary.push_back(character);
  return parts;
}

constexpr int32_t kFirst = 257;  // the id of the first character

TEST(BpeModel, UnknownCharactersBecomeTheirBytes) {
  Parts parts = characters_only({"a", "é", "aé"});
  parts.merge(kFirst, kFirst + 1);
  const auto model = model_of(parts, {.characters = true, .byte_fallback = true, .unknown = 0});
  ASSERT_TRUE(model.ok()) << model.message();
  EXPECT_EQ(encode(*model, "aéa"), (std::vector<int32_t>{kFirst + 2, kFirst}));
  EXPECT_EQ(encode(*model, "東a"), (std::vector<int32_t>{1 + 0xE6, 1 + 0x9D, 1 + 0xB1, kFirst}));
}

TEST(BpeModel, UnknownCharactersAreFusedOnlyWhenAsked) {
  const Parts parts = characters_only({"a"});
  const auto apart = model_of(parts, {.characters = true, .unknown = 0});
  const auto fused = model_of(parts, {.characters = true, .fuse_unknown = true, .unknown = 0});
  ASSERT_TRUE(apart.ok() && fused.ok());
  EXPECT_EQ(encode(*apart, "xya z"), (std::vector<int32_t>{0, 0, kFirst, 0, 0}));
  EXPECT_EQ(encode(*fused, "xya z"), (std::vector<int32_t>{0, kFirst, 0}));
}

TEST(BpeModel, WithoutATokenForUnknownCharactersTheyAreAnError) {
  const auto model = model_of(characters_only({"a"}), {.characters = true});
  ASSERT_TRUE(model.ok());
  BpeModel::Scratch scratch;
  std::vector<int32_t> ids;
  const Status status = model->encode("a東", scratch, ids);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("'東' is not in the vocabulary"), std::string::npos);
}

TEST(BpeModel, PartsThatAreIndependentMergeAsTheWholeDoes) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const std::vector<std::string> letters = {"a", "b", "é", "東", "▁"};
  size_t cuts = 0;
  for (int round = 0; round < 200; ++round) {
    Parts parts = characters_only(letters);
    for (int i = 0; i < 12; ++i) {
      const auto size = static_cast<int32_t>(parts.vocabulary.size());
      const int32_t left = kFirst + random() % (size - kFirst);
      const int32_t right = kFirst + random() % (size - kFirst);
      const std::string text = parts.vocabulary[left] + parts.vocabulary[right];
      const auto& words = parts.vocabulary;
      if (std::find(words.begin(), words.end(), text) != words.end()) continue;
      parts.vocabulary.push_back(text);
      parts.merge(left, right);
    }
    const bool fallback = round % 2;
    const auto model = model_of(parts, {.characters = true,
                                        .byte_fallback = fallback,
                                        .fuse_unknown = round % 4 == 0,
                                        .unknown = 0});
    ASSERT_TRUE(model.ok()) << model.message();
    std::string text;
    for (int i = 0; i < 60; ++i) text += random() % 8 ? letters[random() % letters.size()] : "x";
    std::vector<int32_t> in_parts;
    for (std::string_view rest = text; !rest.empty();) {
      const size_t bytes = model->independent_prefix(rest);
      const auto ids = encode(*model, rest.substr(0, bytes));
      in_parts.insert(in_parts.end(), ids.begin(), ids.end());
      rest.remove_prefix(bytes);
      ++cuts;
    }
    ASSERT_EQ(in_parts, encode(*model, text)) << text;
  }
  EXPECT_GT(cuts, 400u) << "nothing was cut";
}

}  // namespace
}  // namespace tutti
