#include "data/sentence_piece.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/test_file_system.h"
#include "data/sentence_piece.pb.h"
#include "data/test_corpus.h"
#include "data/test_tokenizers.h"

namespace tutti {
namespace {

using Ids = std::vector<int32_t>;
namespace file = sentence_piece_file;

// Pieces put together of pieces, some of equal score.
void add_random_pieces(std::mt19937& random, file::Model& model) {
  const int first = model.pieces_size() - 5;
  std::set<std::string> known;
  for (const file::Piece& piece : model.pieces()) known.insert(piece.text());
  for (int i = 0; i < 30; ++i) {
    const int count = model.pieces_size() - first;
    const std::string text = model.pieces(first + random() % count).text() +
                             model.pieces(first + random() % count).text();
    if (text.size() < 40 && known.insert(text).second) {
      add_piece(model, text, -static_cast<float>(random() % 40));
    }
  }
}

// The definitions, by strings: BPE joins the two neighbours that spell the piece of greatest score,
// the leftmost of equals; Unigram takes the path of greatest total. Unknown characters are
// `unknown`.
std::vector<std::string> merge_by_definition(const file::Model& model,
                                             std::vector<std::string> parts) {
  while (true) {
    float best_score = -1e9f;
    size_t best = parts.size();
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      for (const file::Piece& piece : model.pieces()) {
        if (piece.type() == file::Piece::NORMAL && piece.text() == parts[i] + parts[i + 1] &&
            piece.score() > best_score) {
          best_score = piece.score();
          best = i;
        }
      }
    }
    if (best == parts.size()) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + best + 1);
  }
}

double best_path_score(const file::Model& model, const std::string& text) {
  std::vector<double> best(text.size() + 1, -1e9);
  best[0] = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    for (const file::Piece& piece : model.pieces()) {
      if (piece.type() != file::Piece::NORMAL ||
          text.compare(at, piece.text().size(), piece.text())) {
        continue;
      }
      double& end = best[at + piece.text().size()];
      end = std::max(end, best[at] + piece.score());
    }
  }
  return best[text.size()];
}

TEST(SentencePiece, BpeMergesAsDefined) {
  std::mt19937 random(test_seed());
  for (int round = 0; round < 40; ++round) {
    file::Model model = small_model(file::Trainer::BPE, round % 2);
    const int first = model.pieces_size() - 5;
    add_random_pieces(random, model);
    const auto tokenizer = Tokenizer::parse(model.SerializeAsString(), "m.model");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
    for (int i = 0; i < 10; ++i) {
      std::vector<std::string> parts = {"▁"};
      for (size_t n = random() % 40; n > 0; --n) {
        parts.push_back(model.pieces(first + random() % 5).text());
      }
      std::string text, spelled;
      for (size_t p = 1; p < parts.size(); ++p) text += parts[p];
      if (text.empty()) continue;
      const Ids ids = *tokenizer->encode(text);
      for (const int32_t id : ids) spelled += model.pieces(id).text() + "|";
      std::string expected;
      for (const std::string& part : merge_by_definition(model, parts)) expected += part + "|";
      ASSERT_EQ(spelled, expected) << text;
    }
  }
}

TEST(SentencePiece, UnigramTakesAPathOfGreatestScore) {
  std::mt19937 random(test_seed());
  for (int round = 0; round < 40; ++round) {
    file::Model model = small_model(file::Trainer::UNIGRAM, false);
    add_random_pieces(random, model);
    const auto tokenizer = Tokenizer::parse(model.SerializeAsString(), "m.model");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
    for (int i = 0; i < 10; ++i) {
      std::string text;
      for (size_t n = 1 + random() % 40; n > 0; --n) text += model.pieces(3 + random() % 5).text();
      std::string spelled;
      double score = 0;
      const Ids ids = *tokenizer->encode(text);
      for (const int32_t id : ids) {
        spelled += model.pieces(id).text();
        score += model.pieces(id).score();
      }
      ASSERT_EQ(spelled, "▁" + text);
      ASSERT_EQ(score, best_path_score(model, spelled)) << text;
    }
  }
}

TEST(SentencePiece, UserDefinedPiecesStayWhole) {
  for (const auto type : {file::Trainer::BPE, file::Trainer::UNIGRAM}) {
    file::Model model = small_model(type, false);
    add_piece(model, "ab", 0, file::Piece::USER_DEFINED);
    add_piece(model, "▁a", -1);
    const auto tokenizer = Tokenizer::parse(model.SerializeAsString(), "m.model");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
    EXPECT_EQ(*tokenizer->encode("ab a"), (Ids{3, 8, 9}));
  }
}

TEST(SentencePiece, UnknownCharactersAreOneTokenOrTheirBytes) {
  for (const auto type : {file::Trainer::BPE, file::Trainer::UNIGRAM}) {
    const auto fused = Tokenizer::parse(small_model(type, false).SerializeAsString(), "m.model");
    const auto bytes = Tokenizer::parse(small_model(type, true).SerializeAsString(), "m.model");
    ASSERT_TRUE(fused.ok() && bytes.ok()) << fused.message();
    EXPECT_EQ(*fused->encode("xya"), (Ids{3, 0, 4}));
    EXPECT_EQ(*fused->decode(Ids{3, 0, 4}), " \u2047 a");
    EXPECT_EQ(*bytes->encode("ß"), (Ids{259, 3 + 0xC3, 3 + 0x9F}));
    EXPECT_EQ(*bytes->decode(Ids{259, 3 + 0xC3, 3 + 0x9F, 3 + 0xE6, 3 + 0x9D, 260}),
              "ß\ufffd\ufffda");
  }
}

TEST(SentencePiece, RewritesByTheRulesOfTheFile) {
  const auto encode = [](bool remove, const char* text) {
    file::Model model = small_model(file::Trainer::BPE, false);
    model.mutable_normalizer()->set_remove_extra_whitespaces(remove);
    model.mutable_normalizer()->set_precompiled_charsmap(one_rule('x', "b a"));
    const auto tokenizer = Tokenizer::parse(model.SerializeAsString(), "m.model");
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.message();
    return *tokenizer->encode(text);
  };
  EXPECT_EQ(encode(false, "x"), (Ids{3, 5, 3, 4}));
  EXPECT_EQ(encode(false, " a  b "), (Ids{3, 3, 4, 3, 3, 5, 3}));
  EXPECT_EQ(encode(true, " a  b "), (Ids{3, 4, 3, 5}));
  EXPECT_EQ(encode(true, "  "), Ids{});
}

// A rule for the first byte of é is no rule for é.
TEST(SentencePiece, RulesAreForWholeCharacters) {
  file::Model model = small_model(file::Trainer::BPE, false);
  model.mutable_normalizer()->set_precompiled_charsmap(one_rule(0xC3, "b"));
  const auto tokenizer = Tokenizer::parse(model.SerializeAsString(), "m.model");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  EXPECT_EQ(*tokenizer->encode("é"), (Ids{3, 6}));
}

TEST(SentencePiece, WhatRulesMakeOfATextIsLimited) {
  const auto normalizer =
      PieceNormalizer::create(one_rule('x', std::string(100, 'a')), {}, {.text_bytes_max = 1000});
  ASSERT_TRUE(normalizer.ok()) << normalizer.message();
  EXPECT_TRUE(normalizer->normalize("xxx").ok());
  const auto long_one = normalizer->normalize(std::string(100, 'x'));
  ASSERT_FALSE(long_one.ok());
  EXPECT_EQ(long_one.error().kind, ErrorKind::kResource);
}

TEST(SentencePiece, UnigramTakesTheBestPath) {
  file::Model model = small_model(file::Trainer::UNIGRAM, false);
  add_piece(model, "▁ab", -1);
  add_piece(model, "ba", -2);
  const auto tokenizer = Tokenizer::parse(model.SerializeAsString(), "m.model");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  EXPECT_EQ(*tokenizer->encode("ab ba"), (Ids{8, 3, 9}));
  EXPECT_EQ(*tokenizer->decode(Ids{8, 3, 9}), "ab ba");
}

TEST(SentencePiece, ControlPiecesAreSpecialTokens) {
  const auto tokenizer =
      Tokenizer::parse(small_model(file::Trainer::BPE, true).SerializeAsString(), "m.model");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  EXPECT_EQ(tokenizer->end_of_text()->id, 2);
  const Ids ids = *tokenizer->encode("a</s>b", {.add_special = true});
  EXPECT_EQ(ids, (Ids{1, 259, 260, 2, 259, 261}));
  EXPECT_EQ(*tokenizer->decode(ids), "<s>a</s> b");
  EXPECT_EQ(*tokenizer->decode(ids, {.skip_special = true}), "a b");
  const Ids off = *tokenizer->encode("</s>", {.special_tokens = false});
  EXPECT_EQ(std::count(off.begin(), off.end(), 2), 0);
}

TEST(SentencePiece, RefusesWhatIsNoModel) {
  const auto refused = [](const std::string& content, const char* message) {
    const auto tokenizer = Tokenizer::parse(content, "m.model");
    ASSERT_FALSE(tokenizer.ok());
    EXPECT_TRUE(tokenizer.message().starts_with("m.model: ")) << tokenizer.message();
    EXPECT_NE(tokenizer.message().find(message), std::string::npos) << tokenizer.message();
  };
  const std::string good = small_model(file::Trainer::BPE, false).SerializeAsString();
  refused(good.substr(0, good.size() - 3), "the protocol buffer is broken");
  refused("\n\x7F", "the protocol buffer is broken");
  file::Model other = small_model(file::Trainer::WORD, false);
  refused(other.SerializeAsString(), "trainer_spec.model_type: WORD is not supported");
  other = small_model(file::Trainer::BPE, false);
  add_piece(other, "zq", 0);
  refused(other.SerializeAsString(), "pieces[8].piece: 'zq' is not supported: 'z' is no piece");
  other = small_model(file::Trainer::BPE, false);
  add_piece(other, "a", 0);
  refused(other.SerializeAsString(), "pieces[8].piece: 'a' is pieces[4] too");
  file::Model bad = small_model(file::Trainer::BPE, false);
  bad.mutable_pieces(4)->set_text("\xFF");
  refused(bad.SerializeAsString(), "pieces[4].piece: not UTF-8");
  bad = small_model(file::Trainer::BPE, false);
  std::string rules(2048, '\0');
  rules[1] = 4;  // a trie of 1,024 bytes, whose first unit leads far outside
  rules[4] = rules[5] = rules[6] = '\x7F';
  bad.mutable_normalizer()->set_precompiled_charsmap(rules);
  refused(bad.SerializeAsString(), "unit 0 of the trie leads outside");
}

TEST(SentencePiece, RefusesRulesThatLeadNowhere) {
  const auto refused = [](const std::string& rules, const char* message) {
    file::Model model = small_model(file::Trainer::BPE, false);
    model.mutable_normalizer()->set_precompiled_charsmap(rules);
    const auto tokenizer = Tokenizer::parse(model.SerializeAsString(), "m.model");
    ASSERT_FALSE(tokenizer.ok()) << message;
    EXPECT_NE(tokenizer.message().find(message), std::string::npos) << tokenizer.message();
  };
  std::vector<uint32_t> trie(256, 0);
  trie[0] = 0x80000200;
  refused(charsmap_of(trie, std::string(1000, '\0')), "the root of the trie is a leaf");
  refused(one_rule('a', "\xE2"), "the texts are not UTF-8 at byte 0");
  refused(one_rule('a', "\xFF\xBF\xBF\xBF"), "the texts are not UTF-8 at byte 0");
  refused(charsmap_of(one_rule_trie('a', 1), std::string("b a\0", 4)),
          "leads into a text, to byte 1");
  trie = one_rule_trie('x');
  trie[256 ^ 'x' ^ 1] = 0;
  refused(charsmap_of(trie, std::string("b\0", 2)), "unit 376 of the trie has no leaf at unit 377");
}

TEST(SentencePiece, LoadsByContent) {
  TestFileSystem fs;
  write_text(fs, "/x", small_model(file::Trainer::BPE, false).SerializeAsString());
  const auto tokenizer = Tokenizer::load(fs, "/x");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  EXPECT_EQ(tokenizer->vocab_size(), 8);
}

}  // namespace
}  // namespace tutti
