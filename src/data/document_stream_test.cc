#include "data/document_stream.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include "base/test_file_system.h"
#include "base/utf8.h"
#include "data/glob.h"
#include "data/test_corpus.h"
#include "data/test_tokenizers.h"

namespace tutti {
namespace {

struct Read {
  std::vector<DocumentPiece> pieces;
  Status status;
};

Read read_file_with(FileSystem& fs, const std::string& path, DocumentOptions options = {}) {
  Read read;
  DocumentStream stream(fs, {{path, base_name(path), fs.stat(path)->bytes}}, options);
  while (true) {
    DocumentPiece piece;
    const auto found = stream.next(piece);
    if (!found.ok()) read.status = found.status();
    if (!found.ok() || !*found) return read;
    read.pieces.push_back(std::move(piece));
  }
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

TEST(TextReader, PiecesHaveTheTokensOfTheWhole) {
  std::mt19937 random(test_seed());
  const Tokenizer tokenizer = tokenizer_of(random_text(random, 1000), 400);
  TestFileSystem fs;
  std::string text;
  for (int i = 0; i < 400; ++i) text += random_text(random, 10) + "end.\nBegin";
  write_text(fs, "/a.txt", text);
  const Read read = read_file_with(fs, "/a.txt", {.piece_bytes = 1000});
  ASSERT_TRUE(read.status.ok()) << read.status.message();
  ASSERT_GT(read.pieces.size(), 10u);
  std::string joined;
  std::vector<int32_t> ids;
  TokenEncoder encoder(tokenizer);
  for (const DocumentPiece& piece : read.pieces) {
    EXPECT_EQ(piece.line, 1 + std::count(joined.begin(), joined.end(), '\n'));
    EXPECT_EQ(piece.last, &piece == &read.pieces.back());
    joined += piece.text;
    ASSERT_TRUE(encoder.append(piece.text, ids).ok());
  }
  EXPECT_EQ(joined, text);
  EXPECT_EQ(ids, *tokenizer.encode(text));
}

TEST(TextReader, PiecesOfATextWithoutLinesHaveTheTokensOfTheWhole) {
  std::mt19937 random(test_seed());
  std::string text;
  while (text.size() < 20000) {
    text += random() % 3 == 0 ? " 12,5" : " word" + std::string(random() % 3, 'x');
  }
  const Tokenizer tokenizer = tokenizer_of(text, 300);
  TestFileSystem fs;
  write_text(fs, "/a.txt", text);
  const Read read = read_file_with(fs, "/a.txt", {.piece_bytes = 1000});
  ASSERT_TRUE(read.status.ok()) << read.status.message();
  ASSERT_GT(read.pieces.size(), 10u);
  std::vector<int32_t> ids;
  TokenEncoder encoder(tokenizer);
  for (const DocumentPiece& piece : read.pieces) {
    ASSERT_TRUE(encoder.append(piece.text, ids).ok());
  }
  EXPECT_EQ(ids, *tokenizer.encode(text));
}

// A sentencepiece model of more than characters; `like_nfkc`: line ends are spaces, and those at
// the ends and of a run but one go.
Tokenizer sentence_piece_of(sentence_piece_file::Trainer::ModelType type, bool like_nfkc) {
  auto model = small_model(type, true);
  float score = -1;
  for (const char* piece : {"ab", "▁a", "▁ab", "東東", "▁b"}) add_piece(model, piece, --score);
  if (like_nfkc) {
    model.mutable_normalizer()->set_precompiled_charsmap(one_rule('\n', " "));
    model.mutable_normalizer()->set_remove_extra_whitespaces(true);
  }
  return std::move(*Tokenizer::parse(model.SerializeAsString(), "m.model"));
}

std::vector<Tokenizer> tokenizers_with_a_space_first() {
  std::vector<Tokenizer> all;
  for (const auto type :
       {sentence_piece_file::Trainer::BPE, sentence_piece_file::Trainer::UNIGRAM}) {
    for (const bool like_nfkc : {false, true}) all.push_back(sentence_piece_of(type, like_nfkc));
  }
  Json json = llama_json();
  all.push_back(std::move(*parse_tokenizer_json(json.dump(), "prepend")));
  json["normalizer"] = nullptr;
  for (const char* scheme : {"first", "always"}) {
    json["pre_tokenizer"] = metaspace_json(scheme);
    all.push_back(std::move(*parse_tokenizer_json(json.dump(), "metaspace")));
  }
  json = parse_json(tokenizer_json_of("ab ba ab b a", 262), "bytes").value();
  json["pre_tokenizer"]["add_prefix_space"] = true;
  all.push_back(std::move(*parse_tokenizer_json(json.dump(), "bytes")));
  return all;
}

// Words, tables, code, lines of characters without spaces.
TEST(TextReader, PiecesHaveTheTokensOfTheWholeWhereASpaceIsPutFirst) {
  const std::vector<Tokenizer> tokenizers = tokenizers_with_a_space_first();
  for (const char* line :
       {"ab ba\nb a ", "| 1 | b |\n", "\tab();\n  b;\n", "東東é東\n", "|12|ab|\n"}) {
    TestFileSystem fs;
    std::string text;
    while (text.size() < 3000) text += line;
    write_text(fs, "/a.txt", text);
    const Read read = read_file_with(fs, "/a.txt", {.piece_bytes = 100, .spaces_first = true});
    ASSERT_TRUE(read.status.ok()) << read.status.message();
    ASSERT_GT(read.pieces.size(), 20u);
    for (size_t i = 0; i < tokenizers.size(); ++i) {
      std::string joined;
      std::vector<int32_t> ids;
      TokenEncoder encoder(tokenizers[i]);
      for (const DocumentPiece& piece : read.pieces) {
        EXPECT_EQ(piece.first, joined.empty());
        EXPECT_EQ(piece.offset, joined.size());
        joined += piece.text;
        ASSERT_TRUE(encoder.append(piece.text, ids, !piece.first).ok());
      }
      EXPECT_EQ(joined, text);
      EXPECT_EQ(ids, *tokenizers[i].encode(text)) << "tokenizer " << i << " of '" << line << "'";
    }
  }
}

TEST(TextReader, ReplacesWhatIsNotUtf8WhereverItIsCut) {
  std::mt19937 random(test_seed());
  TestFileSystem fs;
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    static constexpr std::string_view kParts[] = {"a",        " b", "\xFF",     "\xE6\x9D", "東",
                                                  "\xF0\x9F", "\n", "\x80\x80", "é"};
    text += kParts[random() % std::size(kParts)];
  }
  write_text(fs, "/a.txt", text);
  for (const size_t piece_bytes : {7, 64, 1000}) {
    const Read read = read_file_with(
        fs, "/a.txt", {.piece_bytes = piece_bytes, .invalid_utf8 = InvalidUtf8::kReplace});
    ASSERT_TRUE(read.status.ok()) << read.status.message();
    std::string joined;
    for (const DocumentPiece& piece : read.pieces) joined += piece.text;
    EXPECT_EQ(joined, replace_invalid_utf8(text)) << piece_bytes;
  }
}

// Left at any piece and gone on with from there, a stream gives the same pieces.
TEST(DocumentStream, GoesOnFromAnyPosition) {
  std::mt19937 random(test_seed());
  TestFileSystem fs;
  std::string text, lines;
  for (int i = 0; i < 200; ++i) text += random_text(random, 5) + "end.\nBegin";
  for (int i = 0; i < 50; ++i) {
    lines += fmt::format("{{\"text\": \"line {}\"}}\n{}", i, i % 7 == 0 ? "\n" : "");
  }
  write_text(fs, "/a.txt", text);
  write_text(fs, "/b.jsonl", lines);
  write_text(fs, "/c.pod", "=head1 A\n\nB<b>\n");
  write_text(fs, "/d.txt.zst", zstd(text));
  write_text(fs, "/e.jsonl.zst", zstd(lines));
  const std::vector<CorpusFile> files = find_corpus_files(fs, {"/"}, DocumentFormat::kAuto)->files;
  ASSERT_EQ(files.size(), 5u);
  const DocumentOptions options = {.piece_bytes = 500};
  struct At {
    StreamPosition before;
    DocumentPiece piece;
  };
  std::vector<At> all;
  DocumentStream whole(fs, files, options);
  while (true) {
    At at = {whole.position(), {}};
    if (!*whole.next_raw(at.piece)) break;
    all.push_back(std::move(at));
  }
  ASSERT_GT(all.size(), 120u);
  for (size_t i = 0; i < all.size(); ++i) {
    DocumentStream rest(fs, files, options, all[i].before);
    for (size_t j = i; j < std::min(all.size(), i + 3); ++j) {
      DocumentPiece piece;
      ASSERT_TRUE(*rest.next_raw(piece)) << j;
      EXPECT_EQ(piece.text, all[j].piece.text);
      EXPECT_EQ(piece.line, all[j].piece.line);
      EXPECT_EQ(piece.offset, all[j].piece.offset);
      EXPECT_EQ(piece.file, all[j].piece.file);
      EXPECT_EQ(piece.first, all[j].piece.first);
      EXPECT_EQ(piece.last, all[j].piece.last);
    }
  }
  DocumentStream rest(fs, files, options, whole.position());
  DocumentPiece piece;
  EXPECT_FALSE(*rest.next_raw(piece));
}

TEST(TextReader, NeverCutsACharacter) {
  TestFileSystem fs;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "東";
  write_text(fs, "/a.txt", text);
  const Read read = read_file_with(fs, "/a.txt", {.piece_bytes = 100});
  ASSERT_TRUE(read.status.ok()) << read.status.message();
  EXPECT_GT(read.pieces.size(), 20u);
}

TEST(TextReader, DropsAByteOrderMark) {
  TestFileSystem fs;
  write_text(fs, "/a.txt", "\xEF\xBB\xBFhello");
  EXPECT_EQ(read_file_with(fs, "/a.txt").pieces.at(0).text, "hello");
}

TEST(TextReader, NamesFileAndOffsetOfBytesThatAreNotUtf8) {
  TestFileSystem fs;
  write_text(fs, "/a.txt", std::string(5000, 'x') + "\xFFz");
  for (const size_t piece_bytes : {100, 100000}) {
    const Read read = read_file_with(fs, "/a.txt", {.piece_bytes = piece_bytes});
    ASSERT_FALSE(read.status.ok());
    EXPECT_NE(read.status.message().find("/a.txt: not UTF-8: byte 0xff at offset 5000"),
              std::string::npos)
        << read.status.message();
  }
}

TEST(JsonLinesReader, OneDocumentALine) {
  TestFileSystem fs;
  const std::string lines =
      "{\"id\": 1, \"text\": \"a\\nb\", \"meta\": {\"text\": \"no\"}}\n\n"
      "{\"text\": \"\\u00e9\"}\r\n{\"text\": \"\"}\n{\"text\": \"end\"}";
  write_text(fs, "/a.jsonl", lines);
  write_text(fs, "/a.jsonl.zst", zstd(lines));
  for (const char* path : {"/a.jsonl", "/a.jsonl.zst"}) {
    const Read read = read_file_with(fs, path);
    ASSERT_TRUE(read.status.ok()) << read.status.message();
    ASSERT_EQ(read.pieces.size(), 3u);
    EXPECT_EQ(read.pieces[0].text, "a\nb");
    EXPECT_EQ(read.pieces[1].text, "é");
    EXPECT_EQ(read.pieces[1].line, 3u);
    EXPECT_EQ(read.pieces[2].text, "end");
    EXPECT_EQ(read.pieces[2].line, 5u);
  }
}

TEST(JsonLinesReader, ErrorsNameFileLineAndOffset) {
  const std::pair<std::string, std::string> cases[] = {
      {"{\"text\": \"a\"}\n{\"text\": tru}\n", "/a.jsonl:2: not JSON"},
      {"{\"text\": \"a\"}\n[1]\n", "/a.jsonl:2: expected an object, got array (offset 14)"},
      {"{\"text\": 5}", "expected a string 'text' in the object at offset 0, got number"},
      {"{\"a\": \"text\"}", "no such field"},
      {"{\"text\": \"\xFF\"}", "/a.jsonl: not UTF-8: byte 0xff at offset 10"},
      {"{\"text\": \"cut", "/a.jsonl:1: not JSON"},
      {"{\"text\": " + std::string(1000, '[') + "}", "nested deeper"},
      {"{\"text\": \"" + std::string(5000, 'x') + "\"}", "a line of more than 4000 bytes"},
      {"\n\n", "no text in this file"},
  };
  for (const auto& [lines, message] : cases) {
    TestFileSystem fs;
    write_text(fs, "/a.jsonl", lines);
    const Read read = read_file_with(fs, "/a.jsonl", {.document_bytes_max = 4000});
    ASSERT_FALSE(read.status.ok()) << message;
    EXPECT_NE(read.status.message().find(message), std::string::npos) << read.status.message();
  }
}

TEST(ZstdSource, CutOffOrDamagedFilesAreErrors) {
  std::mt19937 random(1);
  const std::string whole = zstd(random_text(random, 100000));
  TestFileSystem fs;
  write_text(fs, "/cut.txt.zst", whole.substr(0, whole.size() / 2));
  write_text(fs, "/bad.txt.zst", "no zstd at all");
  EXPECT_NE(read_file_with(fs, "/cut.txt.zst").status.message().find("cut off at byte"),
            std::string::npos);
  EXPECT_NE(read_file_with(fs, "/bad.txt.zst").status.message().find("/bad.txt.zst: zstd"),
            std::string::npos);
  write_text(fs, "/two.txt.zst", zstd("one ") + zstd("two"));  // frames follow each other
  EXPECT_EQ(read_file_with(fs, "/two.txt.zst").pieces.at(0).text, "one two");
}

TEST(PodReader, StripsMarkup) {
  TestFileSystem fs;
  write_text(fs, "/a.pod", "=head1 A\n\nB<b>\n");
  EXPECT_EQ(read_file_with(fs, "/a.pod").pieces.at(0).text, "A\n\nb\n");
  EXPECT_EQ(read_file_with(fs, "/a.pod", {.format = DocumentFormat::kText}).pieces.at(0).text,
            "=head1 A\n\nB<b>\n");
}

TEST(CorpusFiles, DirectoriesAndGlobsAreSortedAndFiltered) {
  TestFileSystem fs;
  ASSERT_TRUE(fs.create_directories("/c/sub").ok());
  for (const char* path : {"/c/b.txt", "/c/a.md", "/c/sub/c.pod", "/c/x.o", "/c/d.jsonl.zst"}) {
    write_text(fs, path, "text");
  }
  write_text(fs, "/c/empty.txt", "");
  const auto names = [&](const char* input, DocumentFormat format) {
    const auto found = find_corpus_files(fs, {input}, format);
    std::string all;
    if (!found.ok()) return found.message();
    for (const CorpusFile& file : found->files) all += file.relative + " ";
    return all;
  };
  EXPECT_EQ(names("/c", DocumentFormat::kAuto), "a.md b.txt d.jsonl.zst sub/c.pod ");
  EXPECT_EQ(names("/c", DocumentFormat::kPod), "sub/c.pod ");
  EXPECT_EQ(names("/c/*.txt", DocumentFormat::kAuto), "b.txt ");
  EXPECT_EQ(names("/*/**/*.pod", DocumentFormat::kAuto), "c/sub/c.pod ");
  EXPECT_NE(names("/c/none", DocumentFormat::kAuto).find("/c/none"), std::string::npos);
  EXPECT_NE(names("/c/*.none", DocumentFormat::kAuto).find("matches no file"), std::string::npos);
  EXPECT_NE(names("/c/empty.txt", DocumentFormat::kAuto).find("empty (0 bytes)"),
            std::string::npos);
  EXPECT_EQ(find_corpus_files(fs, {"/c"}, DocumentFormat::kAuto)->empty.size(), 1u);
  EXPECT_EQ(find_corpus_files(fs, {"/c/a.md", "/c"}, DocumentFormat::kAuto)->files.size(), 4u);
}

TEST(Glob, MatchesWithinAndAcrossNames) {
  EXPECT_TRUE(glob_matches("/usr/*/pod/*.pod", "/usr/5.36.0/pod/perl.pod"));
  EXPECT_FALSE(glob_matches("/usr/*.pod", "/usr/a/b.pod"));
  EXPECT_TRUE(glob_matches("a/**/z.t?t", "a/b/c/z.txt"));
  EXPECT_TRUE(glob_matches("**/z", "z"));
  EXPECT_FALSE(glob_matches("a/*", "/a/b"));
  EXPECT_TRUE(glob_may_match_below("/usr/*/pod/*.pod", "/usr/x"));
  EXPECT_FALSE(glob_may_match_below("/usr/*/pod/*.pod", "/usr/x/lib"));
  EXPECT_EQ(glob_root("/usr/*/pod"), "/usr");
  EXPECT_EQ(glob_root("*.txt"), ".");
}

}  // namespace
}  // namespace tutti
