#include "data/bpe_trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "data/byte_level.h"
#include "data/test_corpus.h"

namespace tutti {
namespace {

std::vector<std::string> merge_spellings(const TrainedBpe& trained) {
  std::vector<std::string> merges;
  for (const auto& [left, right] : trained.merges) {
    merges.push_back(to_byte_level(trained.tokens[left]) + " " +
                     to_byte_level(trained.tokens[right]));
  }
  return merges;
}

// The definition: count every pair anew, merge the best everywhere, again and again.
TrainedBpe train_naively(const WordCounts& words, const TrainedBpe& first, int32_t vocab_size,
                         int64_t count_min) {
  TrainedBpe result;
  result.tokens.assign(first.tokens.begin(), first.tokens.begin() + 257);
  std::vector<std::pair<std::vector<int32_t>, int64_t>> symbols;
  for (const auto& [word, count] : words) {
    std::vector<int32_t> ids;
    for (const char byte : word) {
      ids.push_back(static_cast<int32_t>(
          std::find(result.tokens.begin(), result.tokens.end(), std::string(1, byte)) -
          result.tokens.begin()));
    }
    symbols.emplace_back(ids, count);
  }
  while (static_cast<int32_t>(result.tokens.size()) < vocab_size) {
    std::map<std::pair<int32_t, int32_t>, int64_t> counts;
    for (const auto& [ids, count] : symbols) {
      for (size_t i = 0; i + 1 < ids.size(); ++i) counts[{ids[i], ids[i + 1]}] += count;
    }
    if (counts.empty()) break;
    // max_element takes the first of equals, and the map is ordered by pair.
    const auto best = std::max_element(counts.begin(), counts.end(),
                                       [](auto& a, auto& b) { return a.second < b.second; });
    if (best->second < count_min) break;
    const auto [left, right] = best->first;
    result.merges.emplace_back(left, right);
    result.tokens.push_back(result.tokens[left] + result.tokens[right]);
    for (auto& [ids, count] : symbols) {
      for (size_t i = 0; i + 1 < ids.size(); ++i) {
        if (ids[i] != left || ids[i + 1] != right) continue;
        ids[i] = static_cast<int32_t>(result.tokens.size()) - 1;
        ids.erase(ids.begin() + i + 1);
      }
    }
  }
  return result;
}

// What Hugging Face tokenizers 0.23.3 prints for BpeTrainer(vocab_size=400, min_frequency=2).
TEST(BpeTrainer, MergesAreThoseOfHuggingFace) {
  EXPECT_EQ(merge_spellings(train_on(kComparedText, {.vocab_size = 400})),
            (std::vector<std::string>{"a a",   "h e",   "t he", "a t",   "Ġ the",  "a b",
                                      "o n",   "aa aa", "' t",  "1 2",   "b ab",   "o g",
                                      "s at",  "± ä",   "º ¬",  "ã ĥ",   "æ Ŀ",    "Ġ c",
                                      "Ġ d",   "Ġ i",   "Ġ l",  "Ġ on",  "Ġ aaaa", "Ġ 12",
                                      "Ġ bab", "Ġ sat", "Ġ æĿ", "±ä º¬", "Ġ12 3",  "ĠæĿ ±äº¬"}));
}

TEST(BpeTrainer, IncrementalCountsFindWhatCountingAnewFinds) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  int compared = 0;
  for (int round = 0; round < 40; ++round) {
    WordCounts words;
    for (int i = 0; i < 30; ++i) {
      std::string word;
      for (size_t n = 1 + random() % 9; n > 0; --n) word += "abcd"[random() % 4];
      words[word] += 1 + random() % 5;
    }
    const BpeTrainerOptions options{.vocab_size = 257 + 20};
    const auto fast = train_bpe(words, options);
    ASSERT_TRUE(fast.ok());
    const TrainedBpe naive = train_naively(words, *fast, options.vocab_size, options.count_min);
    // Two ways to spell one token are where the incremental algorithm has rules of its own.
    std::vector<std::string> tokens = naive.tokens;
    std::sort(tokens.begin(), tokens.end());
    if (std::adjacent_find(tokens.begin(), tokens.end()) != tokens.end()) continue;
    EXPECT_EQ(fast->tokens, naive.tokens);
    EXPECT_EQ(fast->merges, naive.merges);
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST(BpeTrainer, ThreadsDoNotChangeTheCounts) {
  std::mt19937 random(7);
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(random_text(random, 200));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto pre_tokenizer = make_gpt2_pre_tokenizer();
  WordCounter one(pre_tokenizer, 1), four(pre_tokenizer, 4);
  ASSERT_TRUE(one.add(views).ok() && four.add(views).ok());
  EXPECT_EQ(one.take(), four.take());
}

TEST(BpeTrainer, IdsAreSpecialTokensThenBytesThenMerges) {
  const TrainedBpe trained =
      train_on("ab ab", {.vocab_size = 300, .special_tokens = {"<s>", "</s>"}});
  EXPECT_EQ(trained.special_count, 2u);
  EXPECT_EQ(trained.tokens[0], "<s>");
  EXPECT_EQ(trained.tokens[2], "!");
  EXPECT_EQ(trained.tokens[2 + 256], "ab");
  EXPECT_EQ(trained.tokens.size(), 2u + 256 + 1);  // no other pair occurs twice
}

TEST(BpeTrainer, RefusesSizesThatCannotBe) {
  EXPECT_NE(train_bpe({}, {.vocab_size = 256}).message().find("257"), std::string::npos);
  EXPECT_FALSE(train_bpe({}, {.special_tokens = {"<a>", "<a>"}}).ok());
  EXPECT_FALSE(train_bpe({}, {.special_tokens = {""}}).ok());
}

}  // namespace
}  // namespace tutti
