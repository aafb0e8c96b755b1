#include "data/pre_tokenizer.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

using Pieces = std::vector<std::string>;

Pieces pieces_of(const PreTokenizer& pre_tokenizer, std::string_view text) {
  Pieces pieces;
  auto scratch = pre_tokenizer.make_scratch();
  const Status status = pre_tokenizer.split(text, scratch, [&](std::string_view piece) {
    pieces.emplace_back(piece);
    return Status();
  });
  EXPECT_TRUE(status.ok()) << status.message();
  return pieces;
}

Pieces split_by(const char* pattern, SplitBehavior behavior, std::string_view text) {
  auto regex = Regex::compile(pattern);
  EXPECT_TRUE(regex.ok());
  PreTokenizer pre_tokenizer;
  pre_tokenizer.add_split(std::move(regex).value(), behavior);
  return pieces_of(pre_tokenizer, text);
}

TEST(PreTokenizer, Gpt2PatternCutsAsGpt2Does) {
  const auto gpt2 = make_gpt2_pre_tokenizer();
  ASSERT_TRUE(gpt2.ok());
  EXPECT_EQ(pieces_of(*gpt2, "Hello world, it's  3 o'clock\n\n  ok "),
            (Pieces{"Hello", " world", ",", " it", "'s", " ", " 3", " o", "'", "clock", "\n\n ",
                    " ok", " "}));
  EXPECT_EQ(pieces_of(*gpt2, "naïve東京٣"), (Pieces{"naïve東京", "٣"}));
  EXPECT_EQ(pieces_of(*gpt2, ""), Pieces{});
}

TEST(PreTokenizer, WhiteSpaceIsThatOfUnicode) {
  const auto gpt2 = make_gpt2_pre_tokenizer();
  ASSERT_TRUE(gpt2.ok());
  // U+00A0 and U+2028 are white space, U+180E is not.
  EXPECT_EQ(pieces_of(*gpt2, "a\u00A0\u2028 \u180E"), (Pieces{"a", "\u00A0\u2028", " \u180E"}));
}

TEST(PreTokenizer, BehavioursKeepWhatTheySay) {
  EXPECT_EQ(split_by("-", SplitBehavior::kIsolated, "a-b--"), (Pieces{"a", "-", "b", "-", "-"}));
  EXPECT_EQ(split_by("-", SplitBehavior::kRemovedMatches, "a-b--"), (Pieces{"a", "b"}));
  EXPECT_EQ(split_by("-", SplitBehavior::kRemovedGaps, "a-b--"), (Pieces{"-", "-", "-"}));
}

TEST(PreTokenizer, StepsCutWhatTheOneBeforeLeft) {
  auto digits = Regex::compile("[0-9]");
  auto commas = Regex::compile(",");
  ASSERT_TRUE(digits.ok() && commas.ok());
  PreTokenizer pre_tokenizer;
  pre_tokenizer.add_split(std::move(commas).value(), SplitBehavior::kRemovedMatches);
  pre_tokenizer.add_split(std::move(digits).value(), SplitBehavior::kIsolated);
  pre_tokenizer.add_prefix_space();
  EXPECT_EQ(pieces_of(pre_tokenizer, "a1, b"), (Pieces{" a", " 1", " b"}));
}

TEST(Regex, ErrorsNameThePatternAndTheOffset) {
  const auto regex = Regex::compile("a(b");
  ASSERT_FALSE(regex.ok());
  EXPECT_NE(regex.message().find("a(b"), std::string::npos);
  EXPECT_NE(regex.message().find("offset 3"), std::string::npos) << regex.message();
}

TEST(Regex, CatastrophicPatternsEndInAnError) {
  const auto regex = Regex::compile("(a+)+(a+)+(a+)+[bd]");
  ASSERT_TRUE(regex.ok());
  Regex::Scratch scratch(*regex);
  TextRange match;
  const auto found = regex->find(std::string(5000, 'a') + "c", 0, scratch, match);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().kind, ErrorKind::kResource);
}

TEST(Regex, LongRunsAreLinear) {
  const auto gpt2 = make_gpt2_pre_tokenizer();
  ASSERT_TRUE(gpt2.ok());
  for (const char c : {' ', 'a', '.', '\n'}) {
    const std::string text(4 << 20, c);
    size_t bytes = 0;
    for (const std::string& piece : pieces_of(*gpt2, text)) bytes += piece.size();
    EXPECT_EQ(bytes, text.size());
  }
}

TEST(Regex, PosixClassesMayHoldWhiteSpace) {
  EXPECT_EQ(split_by("[[:digit:]\\s]+", SplitBehavior::kRemovedMatches, "a1 2b"),
            (Pieces{"a", "b"}));
}

}  // namespace
}  // namespace tutti
