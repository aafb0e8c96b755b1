// What several tests of this folder need: small tokenizers, random text, files on a test disk.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/test_sanitized.h"
#include "base/test_seed.h"
#include "data/bpe_trainer.h"
#include "data/tokenizer.h"
#include "data/tokenizer_json.h"
#include "data/word_counts.h"

namespace tutti {

// What tokenizers are trained on whose merges and ids are compared with those of Hugging Face.
inline constexpr std::string_view kComparedText =
    "the cat sat on the mat. the dog sat on the log, isn't it?\n  the   line\tna\u00efve "
    "caf\u00e9 \u6771\u4eac \u6771\u4eac\u30bf\u30ef\u30fc don't we'll 123 123 "
    "4567\n\n\u00a0\u180e "
    "aaaa aaaaaaa bab babab\n";

// Of many cases alike one in so many is run.
inline constexpr int kEveryCase = kSanitized ? 24 : 1;

inline void write_text(FileSystem& fs, const std::string& path, std::string_view text) {
  const Status status = write_file_atomic(fs, path, text);
  ASSERT_TRUE(status.ok()) << status.message();
}

inline TrainedBpe train_on(std::string_view text, const BpeTrainerOptions& options) {
  const auto pre_tokenizer = make_gpt2_pre_tokenizer();
  WordCounter counter(pre_tokenizer, 1);
  const std::string_view texts[] = {text};
  EXPECT_TRUE(counter.add(texts).ok());
  auto trained = train_bpe(counter.take(), options);
  EXPECT_TRUE(trained.ok()) << trained.message();
  return std::move(trained).value();
}

inline std::string tokenizer_json_of(std::string_view text, int32_t vocab_size) {
  auto json = write_tokenizer_json(train_on(text, {.vocab_size = vocab_size}));
  EXPECT_TRUE(json.ok());
  return *json;
}

inline Tokenizer tokenizer_of(std::string_view text, int32_t vocab_size) {
  auto tokenizer = parse_tokenizer_json(tokenizer_json_of(text, vocab_size), "test");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.message();
  return std::move(tokenizer).value();
}

// Words, runs of white space, line ends and letters of other scripts, in random order.
inline std::string random_text(std::mt19937& random, size_t parts) {
  static constexpr std::string_view kParts[] = {
      "the ", "cat",  "sat ", "\n",    "\n\n", "  ",     "\t",  "isn't",   "x",    "123 ",  "a",
      "ab",   "aba ", ". ",   "naïve", "東京", "\u00A0", "é\n", "don't\n", "?!\n", "\u2028"};
  std::string text;
  for (size_t i = 0; i < parts; ++i) text += kParts[random() % std::size(kParts)];
  return text;
}

}  // namespace tutti
