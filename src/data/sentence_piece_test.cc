#include "data/sentence_piece.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>

#include "base/test_file_system.h"
#include "data/sentence_piece.pb.h"
#include "data/test_corpus.h"

namespace tutti {
namespace {

using Ids = std::vector<int32_t>;
namespace file = sentence_piece_file;

void add_piece(file::Model& model, const std::string& text, float score,
               file::Piece::Type type = file::Piece::NORMAL) {
  file::Piece& piece = *model.add_pieces();
  piece.set_text(text);
  piece.set_score(score);
  piece.set_type(type);
}

// <unk>, <s>, </s>, perhaps the bytes, and the characters that texts here are made of.
file::Model small_model(file::Trainer::ModelType type, bool bytes) {
  file::Model model;
  model.mutable_trainer()->set_model_type(type);
  model.mutable_trainer()->set_byte_fallback(bytes);
  model.mutable_normalizer()->set_remove_extra_whitespaces(false);
  add_piece(model, "<unk>", 0, file::Piece::UNKNOWN);
  add_piece(model, "<s>", 0, file::Piece::CONTROL);
  add_piece(model, "</s>", 0, file::Piece::CONTROL);
  for (int byte = 0; bytes && byte < 256; ++byte) {
    add_piece(model, fmt::format("<0x{:02X}>", byte), 0, file::Piece::BYTE);
  }
  for (const char* character : {"▁", "a", "b", "é", "東"}) add_piece(model, character, -100);
  return model;
}

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

uint32_t seed_of_test() {
  const char* const given = std::getenv("TUTTI_TEST_SEED");
  const uint32_t seed = given ? std::strtoul(given, nullptr, 10) : std::random_device()();
  std::cout << "TUTTI_TEST_SEED=" << seed << std::endl;
  return seed;
}

TEST(SentencePiece, BpeMergesAsDefined) {
  std::mt19937 random(seed_of_test());
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
  std::mt19937 random(seed_of_test());
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

// A trie of one rule, "x" → "b a", as darts-clone lays it out.
std::string one_rule() {
  std::vector<uint32_t> trie(512, 0);
  const auto offset = [](uint32_t to) { return to << 10; };
  trie[0] = offset(256);                        // the root's children are at 256 ^ label
  trie[256 ^ 'x'] = 'x' | 1u << 8 | offset(1);  // ends a rule, whose leaf is beside it
  trie[256 ^ 'x' ^ 1] = 1u << 31;               // the text at 0
  const uint32_t bytes = 4 * 512;
  std::string rules(reinterpret_cast<const char*>(&bytes), 4);
  rules.append(reinterpret_cast<const char*>(trie.data()), bytes);
  return rules + std::string("b a\0", 4);
}

TEST(SentencePiece, RewritesByTheRulesOfTheFile) {
  const auto encode = [](bool remove, const char* text) {
    file::Model model = small_model(file::Trainer::BPE, false);
    model.mutable_normalizer()->set_remove_extra_whitespaces(remove);
    model.mutable_normalizer()->set_precompiled_charsmap(one_rule());
    const auto tokenizer = Tokenizer::parse(model.SerializeAsString(), "m.model");
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.message();
    return *tokenizer->encode(text);
  };
  EXPECT_EQ(encode(false, "x"), (Ids{3, 5, 3, 4}));
  EXPECT_EQ(encode(false, " a  b "), (Ids{3, 3, 4, 3, 3, 5, 3}));
  EXPECT_EQ(encode(true, " a  b "), (Ids{3, 4, 3, 5}));
  EXPECT_EQ(encode(true, "  "), Ids{});
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

TEST(SentencePiece, LoadsByContent) {
  TestFileSystem fs;
  write_text(fs, "/x", small_model(file::Trainer::BPE, false).SerializeAsString());
  const auto tokenizer = Tokenizer::load(fs, "/x");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  EXPECT_EQ(tokenizer->vocab_size(), 8);
}

}  // namespace
}  // namespace tutti
