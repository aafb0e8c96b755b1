#include "data/indexed_dataset.h"

#include <gtest/gtest.h>

#include "base/test_file_system.h"
#include "data/test_corpus.h"
#include "data/token_source.h"

namespace tutti {
namespace {

using Documents = std::vector<std::vector<int32_t>>;

Status write_documents(FileSystem& fs, const std::string& prefix, const Documents& documents,
                       TokenType type) {
  TUTTI_ASSIGN(auto writer, IndexedDatasetWriter::create(fs, prefix, type));
  for (const auto& document : documents) {
    TUTTI_TRY(writer->append(document));
    TUTTI_TRY(writer->end_document());
  }
  return writer->finish();
}

Documents read_documents(const IndexedDataset& dataset) {
  Documents documents;
  for (int64_t i = 0; i < dataset.documents(); ++i) {
    documents.emplace_back(dataset.document_end(i) - dataset.document_begin(i));
    dataset.tokens().read(dataset.document_begin(i), documents.back());
  }
  return documents;
}

TEST(IndexedDataset, RoundTripsDocuments) {
  TestFileSystem fs;
  const Documents documents = {{1, 2, 3}, {}, {65499}, {7, 7}};
  for (const TokenType type : {TokenType::kUint16, TokenType::kInt32}) {
    ASSERT_TRUE(write_documents(fs, "/d", documents, type).ok());
    const auto dataset = IndexedDataset::open(fs, "/d", 65500);
    ASSERT_TRUE(dataset.ok()) << dataset.message();
    EXPECT_EQ(read_documents(*dataset), documents);
  }
}

// The bytes that Megatron-LM's MMapIndexedDatasetBuilder writes for these documents.
TEST(IndexedDataset, BytesAreThoseOfMegatron) {
  TestFileSystem fs;
  ASSERT_TRUE(write_documents(fs, "/d", {{1, 2, 3}, {258}}, TokenType::kUint16).ok());
  const unsigned char expected[] = {
      'M', 'M', 'I', 'D', 'I', 'D', 'X', 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8,  // version, dtype
      2,   0,   0,   0,   0,   0,   0,   0, 3, 0, 0, 0, 0, 0, 0, 0,        // counts
      3,   0,   0,   0,   1,   0,   0,   0,                                // sizes
      0,   0,   0,   0,   0,   0,   0,   0, 6, 0, 0, 0, 0, 0, 0, 0,        // pointers
      0,   0,   0,   0,   0,   0,   0,   0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(*read_file(fs, "/d.idx"),
            std::string(reinterpret_cast<const char*>(expected), sizeof(expected)));
  EXPECT_EQ(*read_file(fs, "/d.bin"), std::string("\1\0\2\0\3\0\2\1", 8));
}

TEST(IndexedDataset, AnyBitOfTheIndexThatIsWrongIsFound) {
  TestFileSystem fs;
  const Documents documents = {{1, 2, 3}, {4}, {5, 6}};
  ASSERT_TRUE(write_documents(fs, "/d", documents, TokenType::kUint16).ok());
  const uint64_t bytes = fs.stat("/d.idx")->bytes;
  for (uint64_t offset = 0; offset < bytes; ++offset) {
    for (int bit = 0; bit < 8; ++bit) {
      fs.flip_bit("/d.idx", offset, bit);
      const auto dataset = IndexedDataset::open(fs, "/d", 100);
      // Only where one document ends and the next begins can be wrong without a contradiction.
      if (dataset.ok()) {
        EXPECT_GE(offset, bytes - 8 * 3) << offset;
        EXPECT_EQ(dataset->tokens().size(), 6);
      }
      fs.flip_bit("/d.idx", offset, bit);
    }
  }
}

TEST(IndexedDataset, CutFilesAreErrors) {
  TestFileSystem fs;
  ASSERT_TRUE(write_documents(fs, "/d", {{1, 2, 3}, {4}}, TokenType::kInt32).ok());
  const std::string idx = *read_file(fs, "/d.idx"), bin = *read_file(fs, "/d.bin");
  for (size_t bytes = 0; bytes < idx.size(); ++bytes) {
    write_text(fs, "/d.idx", idx.substr(0, bytes));
    EXPECT_FALSE(IndexedDataset::open(fs, "/d", 100).ok()) << bytes;
  }
  write_text(fs, "/d.idx", idx);
  for (size_t bytes = 0; bytes < bin.size(); ++bytes) {
    write_text(fs, "/d.bin", bin.substr(0, bytes));
    EXPECT_FALSE(IndexedDataset::open(fs, "/d", 100).ok()) << bytes;
  }
}

TEST(IndexedDataset, NamesATokenOutsideOfTheVocabulary) {
  TestFileSystem fs;
  ASSERT_TRUE(write_documents(fs, "/d", {{1, 2}, {100}}, TokenType::kUint16).ok());
  EXPECT_TRUE(IndexedDataset::open(fs, "/d", 101).ok());
  const auto dataset = IndexedDataset::open(fs, "/d", 100);
  ASSERT_FALSE(dataset.ok());
  EXPECT_NE(dataset.message().find("/d.bin: token 100 at index 2 (byte offset 4)"),
            std::string::npos)
      << dataset.message();
}

TEST(IndexedDatasetWriter, AFailureLeavesTheOldDataset) {
  for (int64_t operation = 0;; ++operation) {
    TestFileSystem fs;
    ASSERT_TRUE(write_documents(fs, "/d", {{1, 2, 3}}, TokenType::kUint16).ok());
    const int64_t before = fs.operations();
    fs.fail_operation(before + operation);
    if (write_documents(fs, "/d", {{4, 5, 6}}, TokenType::kUint16).ok()) {
      EXPECT_GT(operation, 5);
      break;
    }
    const auto dataset = IndexedDataset::open(fs, "/d", 100);
    ASSERT_TRUE(dataset.ok()) << dataset.message();  // either, since both have one index
    EXPECT_FALSE(exists(fs, "/d.idx.tmp"));
  }
}

std::string words(std::initializer_list<int32_t> values, size_t bytes) {
  std::string out;
  for (const int32_t value : values) out.append(reinterpret_cast<const char*>(&value), 4);
  out.resize(bytes);
  return out;
}

TEST(TokenFile, ReadsLlmcAndNanoGpt) {
  TestFileSystem fs;
  const std::string tokens("\1\0\2\0\3\0", 6);
  write_text(fs, "/nano.bin", tokens);
  write_text(fs, "/llmc.bin", words({20240520, 1, 3}, 1024) + tokens);
  for (const char* path : {"/nano.bin", "/llmc.bin"}) {
    const auto array = open_token_file(fs, path);
    ASSERT_TRUE(array.ok()) << array.message();
    std::vector<int32_t> ids(array->size());
    array->read(0, ids);
    EXPECT_EQ(ids, (std::vector<int32_t>{1, 2, 3}));
  }
  write_text(fs, "/llama.bin", words({20240801, 7, 2}, 1024) + words({100000, 7}, 8));
  const auto array = open_token_file(fs, "/llama.bin");
  ASSERT_TRUE(array.ok()) << array.message();
  std::vector<int32_t> ids(2);
  array->read(0, ids);
  EXPECT_EQ(ids, (std::vector<int32_t>{100000, 7}));
}

TEST(TokenFile, HeadersOfLlmcThatAreWrongAreErrors) {
  const std::string tokens("\1\0\2\0\3\0", 6);
  struct Case {
    std::initializer_list<int32_t> header;
    std::string said;
  };
  const Case cases[] = {
      {{20240520, 1, 4}, "at byte 8 says 4 tokens, but 6 bytes follow it, expected 8"},
      {{20240520, 1, -3}, "at byte 8 says -3 tokens"},
      {{20240520, 7, 3}, "version 7 at byte 4, expected 1"},
      {{20240801, 7, 3}, "but 6 bytes follow it, expected 12"},
      {{20240522, 1, 3}, "magic 20240522 at byte 0, expected llm.c's 20240520"},
  };
  for (const Case& expected : cases) {
    TestFileSystem fs;
    write_text(fs, "/bad.bin", words(expected.header, 1024) + tokens);
    const auto array = open_token_file(fs, "/bad.bin");
    ASSERT_FALSE(array.ok()) << expected.said;
    EXPECT_NE(array.message().find(expected.said), std::string::npos) << array.message();
  }
  TestFileSystem fs;
  write_text(fs, "/odd.bin", "abc");
  EXPECT_NE(open_token_file(fs, "/odd.bin").message().find("3 bytes"), std::string::npos);
}

TEST(TokenSource, APathNamesWhatIsThere) {
  TestFileSystem fs;
  ASSERT_TRUE(write_documents(fs, "/d", {{1, 2, 3}, {4}}, TokenType::kUint16).ok());
  write_text(fs, "/nano.bin", std::string("\1\0\2\0", 4));
  write_text(fs, "/tokens", std::string("\1\0\2\0", 4));
  for (const char* path : {"/d", "/d.bin", "/d.idx"}) {
    const auto source = open_token_source(fs, path, 100);
    ASSERT_TRUE(source.ok()) << source.message();
    EXPECT_TRUE(source->indexed);
    EXPECT_EQ(source->document_ends, (std::vector<int64_t>{3, 4}));
  }
  for (const char* path : {"/nano.bin", "/tokens"}) {
    const auto source = open_token_source(fs, path, 100);
    ASSERT_TRUE(source.ok()) << source.message();
    EXPECT_FALSE(source->indexed);
  }
  EXPECT_NE(open_token_source(fs, "/nano", 100).message().find("name it itself"),
            std::string::npos);
  EXPECT_EQ(open_token_source(fs, "/none", 100).error().kind, ErrorKind::kNotFound);
  write_text(fs, "/s_000.bin", words({20240520, 1, 2}, 1024) + std::string("\1\0\2\0", 4));
  write_text(fs, "/s_001.bin", words({20240520, 1, 3}, 1024) + std::string("\3\0\4\0\5\0", 6));
  const auto shards = open_token_source(fs, "/s_*.bin", 100);
  ASSERT_TRUE(shards.ok()) << shards.message();
  ASSERT_EQ(shards->tokens.size(), 5);
  for (int64_t begin = 0; begin < 5; ++begin) {
    for (int64_t count = 0; count <= 5 - begin; ++count) {
      std::vector<int32_t> ids(count);
      shards->tokens.read(begin, ids);
      for (int64_t i = 0; i < count; ++i) EXPECT_EQ(ids[i], begin + i + 1);
    }
  }
  EXPECT_NE(open_token_source(fs, "/d.*", 100).message().find("has an index"), std::string::npos);
  // An index that is there is believed or refused, never passed over.
  write_text(fs, "/nano.idx", "something else, of more than the header's thirty-four bytes");
  EXPECT_FALSE(open_token_source(fs, "/nano.bin", 100).ok());
  EXPECT_EQ(find_document_ends(open_token_source(fs, "/tokens", 100)->tokens, 1),
            (std::vector<int64_t>{1, 2}));
}

TEST(LossMask, WhatDisagreesIsAnError) {
  TestFileSystem fs;
  const std::string header(mask_header());
  const std::pair<std::string, const char*> cases[] = {
      {header + std::string("\0\1", 2), "18 bytes, expected 19 for the 3 tokens"},
      {header + std::string("\0\1\2", 3), "2 at byte 18, expected 0 or 1"},
      {"TUTTIMSK\2" + header.substr(9) + std::string(3, '\0'), "not a loss mask of version 1"},
      {"", "not a loss mask"},
  };
  for (const auto& [bytes, said] : cases) {
    write_text(fs, "/d.mask", bytes);
    const auto mask = LossMask::open(fs, "/d.mask", 3);
    ASSERT_FALSE(mask.ok()) << said;
    EXPECT_NE(mask.message().find(said), std::string::npos) << mask.message();
  }
  write_text(fs, "/d.mask", header + std::string("\0\1\1", 3));
  const auto mask = LossMask::open(fs, "/d.mask", 3);
  ASSERT_TRUE(mask.ok()) << mask.message();
  EXPECT_FALSE(mask->learned(0));
  EXPECT_TRUE(mask->learned(2));
  EXPECT_EQ(mask->learned_tokens(), 2);
}

TEST(IndexedDatasetWriter, ADocumentThatIsTooLongIsAnErrorAtOnce) {
  TestFileSystem fs;
  IndexedWriterOptions options;
  options.start.document_tokens = INT32_MAX - 1;
  auto writer = std::move(*IndexedDatasetWriter::create(fs, "/d", options));
  const int32_t token = 7;
  ASSERT_TRUE(writer->append(std::span(&token, 1)).ok());
  const Status status = writer->append(std::span(&token, 1));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.message(),
            "/d.bin: document 0 has more than 2147483647 tokens, which is what the format allows");
  EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument) << "it would fail again";
}

TEST(IndexedDatasetWriter, KnowsWhetherItCanGoOn) {
  for (const char* cut : {"", "/d.bin.tmp", "/d.sizes.tmp", "/d.mask.tmp"}) {
    TestFileSystem fs;
    IndexedWriterOptions options = {.mask = true, .keep = true};
    {
      const auto writer = std::move(*IndexedDatasetWriter::create(fs, "/d", options));
      ASSERT_TRUE(writer->append_packed(std::string("\1\0\2\0", 4), "\1\1").ok());
      ASSERT_TRUE(writer->end_document().ok());
      ASSERT_TRUE(writer->sync().ok());
      options.start = writer->progress();
    }
    if (*cut == '\0') {
      EXPECT_TRUE(has_unfinished_dataset(fs, "/d", options));
      continue;
    }
    ASSERT_TRUE(fs.truncate(cut, fs.stat(cut)->bytes - 1).ok());
    EXPECT_FALSE(has_unfinished_dataset(fs, "/d", options)) << cut;
    ASSERT_TRUE(fs.remove(cut).ok());
    EXPECT_FALSE(has_unfinished_dataset(fs, "/d", options)) << cut;
  }
}

// A writer that is left after a sync, at any place, and gone on with gives the same bytes.
TEST(IndexedDatasetWriter, GoesOnFromItsLastSync) {
  const Documents documents = {{1, 2, 3}, {}, {65499}, {7, 7}};
  TestFileSystem whole;
  ASSERT_TRUE(write_documents(whole, "/d", documents, TokenType::kUint16).ok());
  for (int stop = 0; stop < 7; ++stop) {
    TestFileSystem fs;
    IndexedWriterOptions options = {.keep = true};
    auto writer = std::move(*IndexedDatasetWriter::create(fs, "/d", options));
    int tokens = 0;
    for (size_t d = 0; d < documents.size(); ++d) {
      for (const int32_t token : documents[d]) {
        ASSERT_TRUE(writer->append(std::span(&token, 1)).ok());
        if (++tokens != stop) continue;
        ASSERT_TRUE(writer->sync().ok());
        options.start = writer->progress();
        const int32_t lost = 9;
        ASSERT_TRUE(writer->append(std::span(&lost, 1)).ok());
        writer = nullptr;
        writer = std::move(*IndexedDatasetWriter::create(fs, "/d", options));
      }
      ASSERT_TRUE(writer->end_document().ok());
    }
    ASSERT_TRUE(writer->finish().ok());
    EXPECT_EQ(*read_file(fs, "/d.bin"), *read_file(whole, "/d.bin")) << stop;
    EXPECT_EQ(*read_file(fs, "/d.idx"), *read_file(whole, "/d.idx")) << stop;
    EXPECT_EQ(fs.list("/")->size(), 2u);
  }
}

}  // namespace
}  // namespace tutti
