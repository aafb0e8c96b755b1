#include "data/unicode.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <random>

#include "data/code_points.h"
#include "data/pattern.h"
#include "data/test_corpus.h"
#include "data/unicode_age.h"

namespace tutti {
namespace {

bool is_scalar(uint32_t c) { return c < 0xD800 || (c >= 0xE000 && c < 0x110000); }

// Characters that patterns and normal forms treat differently, densely; now and then any.
uint32_t random_character(std::mt19937& random) {
  static constexpr uint32_t kSome[] = {
      ' ',    ' ',    ' ',    '\n',   '\r',    '\t',    '\'',   's',    'S',    'r',    'e',
      'L',    'l',    'a',    '1',    '2',     '.',     '_',    0x85,   0xA0,   0xE9,   0x17F,
      0x300,  0x301,  0x323,  0x3B1,  0x660,   0xBD,    0x1100, 0x1161, 0x11A8, 0xAC00, 0x1C89,
      0x2028, 0x3000, 0x6771, 0x180E, 0x1F600, 0x10D40, 0x2160, 0x9BE,  0x9C7};
  if (random() % 8) return kSome[random() % std::size(kSome)];
  uint32_t c;
  do c = random() % (random() % 2 ? 0x3000 : 0x110000);
  while (!is_scalar(c));
  return c;
}

std::string random_characters(std::mt19937& random, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) append_utf8(random_character(random), text);
  return text;
}

std::vector<std::string> pieces(std::string_view text, auto&& next) {
  std::vector<std::string> all;
  RegexCursor cursor;
  TextRange match;
  while (true) {
    const Result<bool> found = next(text, cursor, match);
    EXPECT_TRUE(found.ok()) << found.message();
    if (!found.ok() || !*found) return all;
    all.emplace_back(text.substr(match.begin, match.end - match.begin));
  }
}

TEST(KnownPatterns, AreEqualToPcre2) {
  std::mt19937 random(test_seed());
  for (const std::string_view regex : {kGpt2Pattern, kLlama3Pattern, kQwen2Pattern}) {
    const auto by_hand = Pattern::compile(std::string(regex));
    const auto by_pcre2 = Regex::compile(std::string(regex));
    ASSERT_TRUE(by_hand.ok() && by_pcre2.ok());
    Pattern::Scratch hand_scratch = by_hand->make_scratch();
    ASSERT_FALSE(hand_scratch.regex) << "the pattern is not known";
    Regex::Scratch pcre2_scratch(*by_pcre2);
    for (int round = 0; round < 3000; ++round) {
      const std::string text = random_characters(random, 1 + random() % 40);
      const auto expected = pieces(text, [&](auto whole, auto& cursor, auto& match) {
        return by_pcre2->next(whole, cursor, pcre2_scratch, match);
      });
      const auto actual = pieces(text, [&](auto whole, auto& cursor, auto& match) {
        return by_hand->next(whole, cursor, hand_scratch, match);
      });
      ASSERT_EQ(actual, expected) << regex << " on '" << text << "'";
    }
  }
}

// Every character alone is in the classes that PCRE2 puts it in.
TEST(Unicode, ClassesAreThoseOfPatterns) {
  std::string all;
  for (uint32_t c = 0; c < 0x110000; c += kSanitized ? 11 : 1) {
    if (is_scalar(c)) append_utf8(c, all);
  }
  const std::pair<const char*, uint8_t> classes[] = {
      {"\\p{L}", kLetter}, {"\\p{N}", kNumber}, {"\\s", kWhiteSpace}};
  for (const auto& [regex, bit] : classes) {
    const auto compiled = Regex::compile(std::string(regex) + "+");
    ASSERT_TRUE(compiled.ok());
    Regex::Scratch scratch(*compiled);
    const auto expected = pieces(all, [&](auto whole, auto& cursor, auto& match) {
      return compiled->next(whole, cursor, scratch, match);
    });
    std::vector<std::string> actual;
    for (size_t at = 0; at < all.size();) {
      size_t end = at;
      while (end < all.size()) {
        size_t next = end;
        if (!(classes_of(read_utf8(all, next)) & bit)) break;
        end = next;
      }
      if (end > at) actual.push_back(all.substr(at, end - at));
      at = std::max(end, at + 1);
      while (at < all.size() && is_utf8_continuation(all[at])) ++at;
    }
    EXPECT_EQ(actual, expected) << regex;
  }
}

// utf8proc itself on the whole text.
std::string by_utf8proc(const std::string& text, int options) {
  utf8proc_uint8_t* mapped = nullptr;
  const auto bytes = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                  static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                                  static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options));
  const std::string made(reinterpret_cast<const char*>(mapped), bytes);
  std::free(mapped);
  return made;
}

TEST(Unicode, NormalFormsOfPartsAreThoseOfTheWhole) {
  std::mt19937 random(test_seed());
  const std::pair<NormalForm, int> forms[] = {
      {NormalForm::kNfc, UTF8PROC_COMPOSE},
      {NormalForm::kNfd, UTF8PROC_DECOMPOSE},
      {NormalForm::kNfkc, UTF8PROC_COMPOSE | UTF8PROC_COMPAT},
      {NormalForm::kNfkd, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT}};
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (int i = 0; i < 20; ++i) {
      const uint32_t c = random_character(random);
      if (c != 0x11A7 && !contains(kUnknownToNormalForms, c)) append_utf8(c, text);
    }
    for (const auto& [form, options] : forms) {
      const std::string expected = by_utf8proc(text, options);
      ASSERT_EQ(normalize(text, form), expected) << "'" << text << "'";
      if (is_normal(text, form)) {
        ASSERT_EQ(text, expected);
      }
    }
  }
}

TEST(Unicode, NormalFormsKeepWhatLiesBeforeTheTrailingConsonantsOfHangul) {
  const std::string text = "\uAC00\u11A7\u0301";
  EXPECT_EQ(normalize(text, NormalForm::kNfc), text);
  EXPECT_EQ(normalize(text, NormalForm::kNfkc), text);
  EXPECT_EQ(normalize("\u1100\u1161\u11A7", NormalForm::kNfkc), "\uAC00\u11A7");
  EXPECT_EQ(normalize("\u1100\u1161\u11A8", NormalForm::kNfkc), "\uAC01");
}

TEST(Unicode, NormalFormsLeaveWhatUnicode9DidNotKnow) {
  // U+1ABF has a combining class since Unicode 13; before it nothing moves past it.
  const std::string text = "x\u1ABF\u0334";
  EXPECT_EQ(normalize(text, NormalForm::kNfc), text);
  EXPECT_EQ(normalize("x\u0301\u0323", NormalForm::kNfc), "x\u0323\u0301");
  EXPECT_EQ(normalize("e\u0301", NormalForm::kNfc), "é");
  EXPECT_EQ(normalize("ﬁ", NormalForm::kNfkc), "fi");
}

TEST(Unicode, LowerCaseIsThatOfEachCharacter) {
  EXPECT_EQ(lower_case("ÀΣẞ İ Ǆ 東1"), "àσß i\u0307 ǆ 東1");
}

}  // namespace
}  // namespace tutti
