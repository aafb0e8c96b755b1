#include "data/normalizer.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

Regex regex_of(const char* pattern) {
  auto regex = Regex::compile(pattern);
  EXPECT_TRUE(regex.ok()) << regex.message();
  return std::move(regex).value();
}

TEST(Normalizer, StepsApplyInOrder) {
  Normalizer normalizer;
  normalizer.add(Normalizer::Strip{true, true});
  normalizer.add(Normalizer::Lowercase{});
  normalizer.add(Normalizer::Form{NormalForm::kNfc});
  normalizer.add(Normalizer::ReplaceMatches{regex_of("\\s+"), " "});
  normalizer.add(Normalizer::ReplaceText{" ", "▁"});
  normalizer.add(Normalizer::Prepend{"▁"});
  EXPECT_EQ(*normalizer.apply("\u3000 Ab \t\n E\u0301\n"), "▁ab▁é");
  EXPECT_EQ(*normalizer.apply(""), "") << "nothing is put before nothing";
  EXPECT_EQ(*normalizer.apply(" \n"), "");
}

TEST(Normalizer, AScratchServesManyTexts) {
  Normalizer normalizer;
  normalizer.add(Normalizer::ReplaceMatches{regex_of("a"), "b"});
  normalizer.add(Normalizer::ReplaceMatches{regex_of("^"), ">"});
  Normalizer::Scratch scratch(normalizer);
  for (const auto& [text, expected] :
       {std::pair("aXa", ">bXb"), std::pair("", ""), std::pair("a\na", ">b\n>b")}) {
    const auto normal = normalizer.apply(text, scratch);
    ASSERT_TRUE(normal.ok());
    EXPECT_EQ(*normal, expected);
  }
}

TEST(Normalizer, WithoutStepsTheTextIsNotCopied) {
  const Normalizer normalizer;
  Normalizer::Scratch scratch(normalizer);
  const std::string_view text = "text";
  EXPECT_EQ(normalizer.apply(text, scratch)->data(), text.data());
}

TEST(Normalizer, APatternThatExplodesIsAnError) {
  Normalizer normalizer;
  normalizer.add(Normalizer::ReplaceMatches{regex_of("(a+)+(a+)+(a+)+[bd]"), ""});
  std::string text(5000, 'a');
  text.push_back('c');
  const auto normal = normalizer.apply(text);
  ASSERT_FALSE(normal.ok());
  EXPECT_EQ(normal.error().kind, ErrorKind::kResource);
}

}  // namespace
}  // namespace tutti
