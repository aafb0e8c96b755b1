#include "data/indexed_dataset.h"

#include <gtest/gtest.h>

#include "base/test_file_system.h"
#include "data/test_corpus.h"

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
  write_text(fs, "/bad.bin", words({20240520, 1, 4}, 1024) + tokens);
  EXPECT_NE(open_token_file(fs, "/bad.bin").message().find("says 4 tokens"), std::string::npos);
}

}  // namespace
}  // namespace tutti
