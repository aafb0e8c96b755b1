#include "data/added_tokens.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

AddedToken token(std::string content, int32_t id, bool special = false) {
  AddedToken made;
  made.content = std::move(content);
  made.id = id;
  made.special = special;
  return made;
}

// "begin-end:id" of each match.
std::vector<std::string> matches(const AddedTokens& added, std::string_view text,
                                 bool special = true) {
  std::vector<std::string> all;
  AddedTokens::Cursor cursor;
  while (const auto match = added.next(text, cursor, special)) {
    all.push_back(fmt::format("{}-{}:{}", match->range.begin, match->range.end, match->id));
  }
  return all;
}

using Matches = std::vector<std::string>;

TEST(AddedTokens, TheLongestOfThoseThatStartFirstIsTaken) {
  const AddedTokens added({token("<a>", 1), token("<a><b>", 2), token("a>", 3)});
  EXPECT_EQ(matches(added, "x<a><b>"), (Matches{"1-7:2"}));
  EXPECT_EQ(matches(added, "x<a><c>a>"), (Matches{"1-4:1", "7-9:3"}));
  EXPECT_EQ(matches(added, "x<a"), Matches{});
}

TEST(AddedTokens, ControlTokensThatAreOffArePassedOver) {
  const AddedTokens added({token("<a>", 1, true), token("a>", 3)});
  EXPECT_EQ(matches(added, "<a>a>", false), (Matches{"3-5:3"}));
}

TEST(AddedTokens, SingleWordsAreNotWithinWords) {
  AddedToken word = token("cat", 1);
  word.single_word = true;
  const AddedTokens added({word});
  EXPECT_EQ(matches(added, "cat cats écat cat_ (cat)"), (Matches{"0-3:1", "21-24:1"}));
}

TEST(AddedTokens, StrippingTakesTheWhiteSpaceBeside) {
  AddedToken left = token("<l>", 1), right = token("<r>", 2);
  left.left_strip = true;
  right.right_strip = true;
  const AddedTokens added({left, right});
  EXPECT_EQ(matches(added, "a \u3000<l> b <r> \n c"), (Matches{"1-8:1", "11-17:2"}));
  EXPECT_EQ(matches(added, "<r>  <l>"), (Matches{"0-5:2", "5-8:1"})) << "taken once";
}

}  // namespace
}  // namespace tutti
