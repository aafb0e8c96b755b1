#include "checkpoint/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/test_file_system.h"
#include "checkpoint/safetensors_writer.h"

namespace tutti {
namespace {

constexpr const char* kPath = "/a.safetensors";

void put(FileSystem& fs, const std::string& bytes) {
  auto file = fs.create(kPath);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->append(bytes).ok());
}

std::string framed(const std::string& json, const std::string& data) {
  const uint64_t length = json.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + json + data;
}

std::string error_of(const std::string& json, uint64_t data_bytes) {
  const auto header = parse_safetensors_header(json, data_bytes, "f");
  return header.ok() ? "accepted" : header.message();
}

TEST(Safetensors, ReadsAFileByteForByteAsTheFormatSays) {
  TestFileSystem fs;
  put(fs, framed(R"({"b":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                 R"("a":{"dtype":"F16","shape":[1,2],"data_offsets":[3,7]},)"
                 R"("e":{"dtype":"I64","shape":[0,4],"data_offsets":[3,3]},)"
                 R"("s":{"dtype":"F32","shape":[],"data_offsets":[7,11]},)"
                 R"("__metadata__":{"format":"pt"}}   )",
                 "xyzABCDwert"));
  for (const bool mapped : {false, true}) {
    auto reader = mapped ? SafetensorsReader::map(fs, kPath) : SafetensorsReader::open(fs, kPath);
    ASSERT_TRUE(reader.ok()) << reader.message();
    ASSERT_EQ(reader->tensors().size(), 4u);
    EXPECT_EQ(reader->header().metadata.at("format"), "pt");
    const SafetensorsTensor* a = reader->find("a");
    ASSERT_NE(a, nullptr);
    EXPECT_EQ(a->dtype, DType::kF16);
    EXPECT_EQ(a->sizes, (Sizes{1, 2}));
    std::string bytes(2, '\0');
    ASSERT_TRUE(reader->read(*a, 1, bytes).ok());
    EXPECT_EQ(bytes, "BC");
    EXPECT_EQ(reader->find("e")->bytes, 0u);
    EXPECT_EQ(reader->find("missing"), nullptr);
    if (mapped) {
      const std::span<const char> s = reader->bytes(*reader->find("s"));
      EXPECT_EQ(std::string_view(s.data(), s.size()), "wert");
    }
  }
}

TEST(Safetensors, WrittenFilesReadBackAndAreDeterministic) {
  TestFileSystem fs;
  const std::vector<SafetensorsDeclaration> tensors = {{"z \"q\" \n", DType::kBF16, {2, 2}},
                                                       {"empty", DType::kF64, {0}},
                                                       {"a", DType::kI32, {1}},
                                                       {"last", DType::kU8, {3, 0}}};
  std::string files[2];
  for (std::string& bytes : files) {
    auto writer = SafetensorsWriter::create(fs, kPath, tensors, {{"k", "v"}});
    ASSERT_TRUE(writer.ok()) << writer.message();
    ASSERT_TRUE(writer->append(std::string_view("12345")).ok());
    ASSERT_TRUE(writer->append(std::string_view("678")).ok());
    ASSERT_TRUE(writer->append(std::string_view("abcd")).ok());
    const auto summary = writer->finish();
    ASSERT_TRUE(summary.ok()) << summary.message();
    bytes = read_file(fs, kPath).value();
    EXPECT_EQ(summary.value().file_bytes, bytes.size());
    ASSERT_EQ(summary.value().tensor_digests.size(), 4u);
    EXPECT_EQ(summary.value().tensor_digests[0], digest_of(std::string_view("12345678")));
    EXPECT_EQ(summary.value().tensor_digests[1], digest_of(std::string_view()));
    EXPECT_EQ(summary.value().tensor_digests[2], digest_of(std::string_view("abcd")));
  }
  EXPECT_EQ(files[0], files[1]);
  EXPECT_TRUE(files[0].ends_with("12345678abcd"));
  EXPECT_EQ((files[0].size() - 12) % 8, 0u);
  auto reader = SafetensorsReader::open(fs, kPath);
  ASSERT_TRUE(reader.ok()) << reader.message();
  EXPECT_EQ(reader->find("z \"q\" \n")->sizes, (Sizes{2, 2}));
  EXPECT_EQ(reader->find("a")->offset, 8u);
}

TEST(SafetensorsHeader, RefusesEachFalseClaim) {
  const struct {
    const char* json;
    uint64_t data_bytes;
    const char* message;
  } cases[] = {
      {"", 0, "does not begin with '{'"},
      {" {}", 0, "does not begin with '{'"},
      {"{", 0, "not JSON"},
      {"{}x", 0, "not JSON"},
      {"{\"a\xff\":1}", 0, "not JSON"},
      {"{}", 1, "the tensors end at byte 0 of the data, which has 1"},
      {R"({"a":1})", 0, "expected an object"},
      {R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}})", 4, "unknown key \"x\""},
      {R"({"a":{"shape":[],"data_offsets":[0,4]}})", 4, "\"dtype\" is missing"},
      {R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4, "\"shape\" is missing"},
      {R"({"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}})", 4, "is not supported"},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "element 0 is -1"},
      {R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4, "element 0 is 1.0"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", 4, "expected [begin, end]"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "expected [begin, end]"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4, "the file holds 4 bytes"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "takes 8 bytes"},
      {R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0,
       "more bytes than fit"},
      {R"({"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})", 0,
       "more bytes than fit"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
       R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       3, "it overlaps another"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
       R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
       3, "there is a gap before it"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
       R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       2, "key \"a\" occurs twice"},
      {R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
       "key \"dtype\" occurs twice"},
      {R"({"__metadata__":[]})", 0, "expected an object"},
      {R"({"__metadata__":{"a":1}})", 0, "expected a string"},
  };
  for (const auto& test : cases) {
    const std::string message = error_of(test.json, test.data_bytes);
    EXPECT_NE(message.find(test.message), std::string::npos) << test.json << "\n" << message;
  }
}

TEST(SafetensorsHeader, RefusesDeepNestingWithoutRecursion) {
  const std::string deep =
      "{\"a\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
  EXPECT_NE(error_of(deep, 0).find("nested deeper"), std::string::npos);
}

TEST(SafetensorsReader, RefusesALengthThatTheFileDoesNotHave) {
  TestFileSystem fs;
  for (const std::string& bytes :
       {std::string("1234567"), std::string(8, '\xff'), std::string("\x03\0\0\0\0\0\0\0{}", 10)}) {
    put(fs, bytes);
    const auto opened = SafetensorsReader::open(fs, kPath);
    const auto mapped = SafetensorsReader::map(fs, kPath);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().kind, ErrorKind::kCorrupt);
    ASSERT_FALSE(mapped.ok());
    EXPECT_EQ(mapped.message(), opened.message());
  }
  EXPECT_EQ(SafetensorsReader::open(fs, "/missing").error().kind, ErrorKind::kNotFound);
}

TEST(SafetensorsWriter, RefusesWhatWouldNotReadBack) {
  const auto message_of = [](const std::vector<SafetensorsDeclaration>& tensors) {
    const auto header = build_safetensors_header(tensors, {});
    return header.ok() ? std::string("accepted") : header.message();
  };
  EXPECT_NE(message_of({{"a", DType::kU8, {1}}, {"a", DType::kU8, {1}}}).find("taken"),
            std::string::npos);
  EXPECT_NE(message_of({{"__metadata__", DType::kU8, {1}}}).find("taken"), std::string::npos);
  EXPECT_NE(message_of({{"\xff", DType::kU8, {1}}}).find("UTF-8"), std::string::npos);
  EXPECT_NE(message_of({{"a", DType::kU8, {-1}}}).find("negative"), std::string::npos);
  EXPECT_NE(message_of({{"a", DType::kF32, {int64_t{1} << 62}}}).find("more bytes than fit"),
            std::string::npos);
}

TEST(SafetensorsWriter, ReportsAFullDisk) {
  TestFileSystem fs;
  fs.set_capacity(100);
  auto writer = SafetensorsWriter::create(fs, kPath, {{"a", DType::kU8, {1000}}}, {});
  ASSERT_TRUE(writer.ok()) << writer.message();
  const Status status = writer->append(std::string(1000, 'x'));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kResource);
}

}  // namespace
}  // namespace tutti
