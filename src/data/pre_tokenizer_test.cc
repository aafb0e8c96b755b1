#include "data/pre_tokenizer.h"

#include <gtest/gtest.h>

#include "base/test_sanitized.h"
#include "data/unicode.h"

namespace tutti {
namespace {

using Pieces = std::vector<std::string>;

Pieces pieces_of(const PreTokenizer& pre_tokenizer, std::string_view text) {
  Pieces pieces;
  auto scratch = pre_tokenizer.make_scratch();
  const Status status =
      pre_tokenizer.split(text, TextPlace::kBegins, scratch, [&](std::string_view piece) {
        pieces.emplace_back(piece);
        return Status();
      });
  EXPECT_TRUE(status.ok()) << status.message();
  return pieces;
}

Pattern pattern_of(const char* regex) {
  auto pattern = Pattern::compile(regex);
  EXPECT_TRUE(pattern.ok()) << pattern.message();
  return std::move(pattern).value();
}

Pieces split_by(const char* pattern, SplitBehavior behavior, std::string_view text,
                bool invert = false) {
  PreTokenizer pre_tokenizer;
  pre_tokenizer.add(PreTokenizer::Split{pattern_of(pattern), behavior, invert});
  return pieces_of(pre_tokenizer, text);
}

TEST(PreTokenizer, Gpt2PatternCutsAsGpt2Does) {
  const auto gpt2 = make_gpt2_pre_tokenizer();
  EXPECT_EQ(pieces_of(gpt2, "Hello world, it's  3 o'clock\n\n  ok "),
            (Pieces{"Hello", " world", ",", " it", "'s", " ", " 3", " o", "'", "clock", "\n\n ",
                    " ok", " "}));
  EXPECT_EQ(pieces_of(gpt2, "naïve東京٣"), (Pieces{"naïve東京", "٣"}));
  EXPECT_EQ(pieces_of(gpt2, ""), Pieces{});
}

TEST(PreTokenizer, WhiteSpaceIsThatOfUnicode) {
  const auto gpt2 = make_gpt2_pre_tokenizer();
  // U+00A0 and U+2028 are white space, U+180E is not.
  EXPECT_EQ(pieces_of(gpt2, "a\u00A0\u2028 \u180E"), (Pieces{"a", "\u00A0\u2028", " \u180E"}));
}

// What Hugging Face tokenizers 0.23.3 gives.
TEST(PreTokenizer, BehavioursKeepWhatTheySay) {
  using enum SplitBehavior;
  EXPECT_EQ(split_by("-", kIsolated, "a-b--c"), (Pieces{"a", "-", "b", "-", "-", "c"}));
  EXPECT_EQ(split_by("-", kRemoved, "a-b--c"), (Pieces{"a", "b", "c"}));
  EXPECT_EQ(split_by("-", kContiguous, "a-b--c"), (Pieces{"a", "-", "b", "--", "c"}));
  EXPECT_EQ(split_by("-", kMergedWithPrevious, "a-b--c"), (Pieces{"a-", "b-", "-", "c"}));
  EXPECT_EQ(split_by("-", kMergedWithNext, "a-b--c"), (Pieces{"a", "-b", "-", "-c"}));
  EXPECT_EQ(split_by("-", kMergedWithNext, "--"), (Pieces{"-", "-"}));
  EXPECT_EQ(split_by("-", kRemoved, "a-b--c", true), (Pieces{"-", "-", "-"}));
  EXPECT_EQ(split_by("-", kMergedWithPrevious, "a-b--c", true), (Pieces{"a", "-b", "-", "-c"}));
}

TEST(PreTokenizer, EmptyMatchesCut) {
  EXPECT_EQ(split_by("(?=[A-Z])", SplitBehavior::kIsolated, "camelCaseText"),
            (Pieces{"camel", "Case", "Text"}));
}

TEST(PreTokenizer, StepsCutWhatTheOneBeforeLeft) {
  PreTokenizer pre_tokenizer;
  pre_tokenizer.add(PreTokenizer::Split{Pattern::literal(","), SplitBehavior::kRemoved});
  pre_tokenizer.add(PreTokenizer::Split{Pattern::characters(kNumber), SplitBehavior::kIsolated});
  pre_tokenizer.add(PreTokenizer::PrefixSpace{});
  EXPECT_EQ(pieces_of(pre_tokenizer, "a1, b"), (Pieces{" a", " 1", " b"}));
}

TEST(PreTokenizer, CharactersAndWordsAreFoundByTheirClass) {
  PreTokenizer words, punctuation;
  words.add(PreTokenizer::Split{Pattern::words(), SplitBehavior::kRemoved, true});
  EXPECT_EQ(pieces_of(words, "naïve_x  (東京)!?"), (Pieces{"naïve_x", "(", "東京", ")!?"}));
  punctuation.add(
      PreTokenizer::Split{Pattern::characters(kPunctuation), SplitBehavior::kContiguous});
  EXPECT_EQ(pieces_of(punctuation, "a+b«c»…d"), (Pieces{"a", "+", "b", "«", "c", "»…", "d"}));
}

TEST(PreTokenizer, MetaspaceMarksSpaces) {
  const auto pieces = [](PrependScheme prepend, bool split, std::string_view text) {
    PreTokenizer pre_tokenizer;
    pre_tokenizer.add(PreTokenizer::Metaspace{"▁", prepend, split});
    return pieces_of(pre_tokenizer, text);
  };
  EXPECT_EQ(pieces(PrependScheme::kAlways, true, "a  b"), (Pieces{"▁a", "▁", "▁b"}));
  EXPECT_EQ(pieces(PrependScheme::kFirst, true, " a"), (Pieces{"▁a"}));
  EXPECT_EQ(pieces(PrependScheme::kNever, true, "a b▁c"), (Pieces{"a", "▁b", "▁c"}));
  EXPECT_EQ(pieces(PrependScheme::kAlways, false, "a b"), (Pieces{"▁a▁b"}));
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
  RegexCursor cursor;
  TextRange match;
  std::string text(5000, 'a');
  text.push_back('c');
  const auto found = regex->next(text, cursor, scratch, match);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().kind, ErrorKind::kResource);
}

TEST(Regex, LongRunsAreLinear) {
  const auto gpt2 = make_gpt2_pre_tokenizer();
  for (const char c : {' ', 'a', '.', '\n'}) {
    const std::string text(kSanitized ? 4 << 17 : 4 << 20, c);
    size_t bytes = 0;
    for (const std::string& piece : pieces_of(gpt2, text)) bytes += piece.size();
    EXPECT_EQ(bytes, text.size());
  }
}

TEST(Regex, PosixClassesMayHoldWhiteSpace) {
  EXPECT_EQ(split_by("[[:digit:]\\s]+", SplitBehavior::kRemoved, "a1 2b"), (Pieces{"a", "b"}));
}

// What Oniguruma 6.9 makes of them.
TEST(Regex, MeansWhatOnigurumaMeans) {
  using enum SplitBehavior;
  EXPECT_EQ(split_by("\\h+", kRemoved, "xaF9 z"), (Pieces{"x", " z"})) << "hexadecimal digits";
  EXPECT_EQ(split_by("^b", kRemoved, "b\nb"), (Pieces{"\n"})) << "every line begins";
  EXPECT_EQ(split_by("\\w+", kRemoved, "e\u0301 !"), (Pieces{" !"})) << "marks are of words";
  EXPECT_EQ(split_by("\\b!", kRemoved, "e\u0301!!"), (Pieces{"e\u0301", "!"}));
  EXPECT_EQ(split_by("\\B!", kRemoved, "e\u0301!!"), (Pieces{"e\u0301!"}));
  EXPECT_EQ(split_by("\\p{Han}+", kRemoved, "a東京b"), (Pieces{"a", "b"})) << "no interval";
  EXPECT_EQ(split_by("[\\p{Han}]+", kRemoved, "a東京b"), (Pieces{"a", "b"}));
  EXPECT_EQ(split_by("\\p{Nd}+", kRemoved, "a12b"), (Pieces{"a", "b"}));
  EXPECT_EQ(split_by("\\x{6771}+", kRemoved, "a東東b"), (Pieces{"a", "b"}));
  EXPECT_EQ(split_by("[\\u0041-\\u0043]", kRemoved, "xBy"), (Pieces{"x", "y"}));
  EXPECT_EQ(split_by("\\p{L}+", kRemoved, "1\u1C8A2"), (Pieces{"1", "2"})) << "of Unicode 16";
}

TEST(Regex, RefusesWhatMeansSomethingElseHere) {
  for (const char* pattern : {"[a-z&&[^b]]", "[a[bc]]", "a{1,3}+", "[^\\S\\n]", "[\\W_]", "[\\H]",
                              "[\\P{L}]", "(?m:a.b)", "(?im)a", "(?s).", "(?i-m:a)"}) {
    const auto regex = Regex::compile(pattern);
    ASSERT_FALSE(regex.ok()) << pattern;
    EXPECT_NE(regex.message().find("is not supported"), std::string::npos) << regex.message();
  }
}

}  // namespace
}  // namespace tutti
