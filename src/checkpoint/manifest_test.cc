#include "checkpoint/manifest.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tutti {
namespace {

Digest some_digest() { return digest_of(std::string_view("bytes")); }

Manifest example() {
  Manifest manifest;
  manifest.write_token = "0123abcd";
  manifest.save_index = 7;
  manifest.step = 123;
  manifest.world_size = 2;
  manifest.plan = "dp = 2\n# \"quoted\"\n";
  manifest.data_position = 1'000'000'007;
  manifest.trainer = {
      {"lr", 0.1}, {"scale", 65536}, {"nested", {{"list", {1, 2.5, "x", nullptr}}}}};
  manifest.files = {{"rank-00000.safetensors", 4096, some_digest()},
                    {"rank-00001.safetensors", 8192, some_digest()}};
  manifest.tensors = {
      {"w",
       DType::kBF16,
       {4, 6},
       {{"rank-00000.safetensors", "w", flat_range_boxes(Sizes{4, 6}, 0, 10), {}},
        {"rank-00001.safetensors", "w", flat_range_boxes(Sizes{4, 6}, 10, 24), {}}}},
      {"scalar", DType::kF32, {}, {{"rank-00000.safetensors", "scalar", {Box{}}, some_digest()}}}};
  return manifest;
}

// What parsing says after one replacement in the printed example, with the digest set right again.
std::string error_after(const std::string& from, const std::string& to) {
  std::string text = print_manifest(example()).value();
  const size_t at = text.find(from);
  if (at == std::string::npos) return "no such text: " + from;
  text.replace(at, from.size(), to);
  const size_t content = std::string("{\"digest\":\"").size() + 32;
  const auto parsed = parse_manifest(seal_manifest(text.substr(content)), "m");
  return parsed.ok() ? "accepted" : parsed.message();
}

TEST(Manifest, PrintsAndParsesBackUnchanged) {
  const std::string text = print_manifest(example()).value();
  const auto parsed = parse_manifest(text, "m");
  ASSERT_TRUE(parsed.ok()) << parsed.message();
  EXPECT_EQ(print_manifest(parsed.value()).value(), text);
  EXPECT_EQ(parsed.value().step, 123);
  EXPECT_EQ(parsed.value().plan, example().plan);
  EXPECT_EQ(parsed.value().trainer, example().trainer);
  EXPECT_EQ(parsed.value().tensors[0].shards[1].boxes, example().tensors[0].shards[1].boxes);
  EXPECT_EQ(shard_sizes(parsed.value().tensors[0].shards[0]), (Sizes{10}));
  EXPECT_EQ(shard_sizes(parsed.value().tensors[1].shards[0]), Sizes{});
  EXPECT_EQ(tensor_bytes(parsed.value().tensors[0]), 48);
}

TEST(Manifest, AnyChangedOrMissingByteIsFound) {
  const std::string text = print_manifest(example()).value();
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(parse_manifest(changed, "m").ok()) << "byte " << i;
    EXPECT_FALSE(parse_manifest(text.substr(0, i), "m").ok()) << "cut at " << i;
  }
}

TEST(Manifest, RefusesEachFalseClaim) {
  const struct {
    const char* from;
    const char* to;
    const char* message;
  } cases[] = {
      {"\"version\":1", "\"version\":2", "version 2 of the format, this program reads version 1"},
      {"tutti-checkpoint", "other", "format is \"other\""},
      {"\"step\":123", "\"step\":-1", "out of range"},
      {"\"step\":123", "\"step\":1.5", "expected a 64-bit integer"},
      {"\"step\":123", "\"step\":18446744073709551615", "expected a 64-bit integer"},
      {"\"step\":123,\n", "", "\"step\" is missing"},
      {"\"step\":123", "\"step\":123,\"step\":124", "\"step\" occurs twice"},
      {"\"step\":123", "\"step\":123,\"extra\":1", "unknown key \"extra\""},
      {"\"world_size\":2", "\"world_size\":0", "out of range"},
      {"\"save_index\":7", "\"save_index\":0", "out of range"},
      {"0123abcd", "0123/bcd", "write_token"},
      {"\"trainer\":{", "\"trainer\":1,\"plan\":{", "occurs twice"},
      {"\"name\":\"rank-00001.safetensors\"", "\"name\":\"../x\"", "not a plain name"},
      {"\"name\":\"rank-00001.safetensors\"", "\"name\":\"/x\"", "not a plain name"},
      {"\"name\":\"rank-00001.safetensors\"", "\"name\":\".x\"", "not a plain name"},
      {"\"name\":\"rank-00001.safetensors\"", "\"name\":\"\"", "not a plain name"},
      {"\"name\":\"rank-00001.safetensors\"", "\"name\":\"manifest.json\"", "not a plain name"},
      {"\"name\":\"rank-00001.safetensors\"", "\"name\":\"rank-00000.safetensors\"",
       "listed twice"},
      {"\"name\":\"rank-00001.safetensors\"", "\"name\":\"x\"", "not in the list of files"},
      {"\"bytes\":4096", "\"bytes\":-4096", "has -4096 bytes"},
      {"\"sizes\":[4,6]", "\"sizes\":[4,7]", "elements"},
      {"\"sizes\":[4,6]", "\"sizes\":[4,0]", "expected each to be at least 1"},
      {"\"sizes\":[4,6]", "\"sizes\":[9223372036854775807,9223372036854775807]",
       "more bytes than fit"},
      {"\"sizes\":[4,6]", "\"sizes\":[4,6,1]", "a box has 2 dims, the tensor has 3"},
      {"[[1,1],[0,4]]", "[[1,1],[0,3]]", "the boxes hold 23 of 24 elements"},
      {"[[1,1],[0,4]]", "[[0,1],[0,4]]", "overlap"},
      {"[[1,1],[0,4]]", "[[1,1],[0,40]]", "does not lie in the tensor"},
      {"[[1,1],[0,4]]", "[[1,1],[0]]", "expected [offset, size]"},
      {"\"dtype\":\"bf16\"", "\"dtype\":\"BF16\"", "unknown dtype \"BF16\""},
      {"\"name\":\"scalar\"", "\"name\":\"w\"", "the name occurs twice"},
      {"\"tensor\":\"scalar\"", "\"tensor\":\"w\"", "is a shard twice"},
  };
  for (const auto& test : cases) {
    const std::string message = error_after(test.from, test.to);
    EXPECT_NE(message.find(test.message), std::string::npos)
        << test.from << " -> " << test.to << "\n"
        << message;
  }
}

TEST(Manifest, RefusesToPrintWhatWouldNotParseBack) {
  const auto message_of = [](auto change) {
    Manifest manifest = example();
    change(manifest);
    const auto text = print_manifest(manifest);
    return text.ok() ? std::string("accepted") : text.message();
  };
  EXPECT_NE(message_of([](Manifest& m) {
              m.trainer = {{"loss", std::nan("")}};
            }).find("does not survive JSON"),
            std::string::npos);
  EXPECT_NE(message_of([](Manifest& m) { m.trainer = 3; }).find("expected an object"),
            std::string::npos);
  EXPECT_NE(message_of([](Manifest& m) { m.plan = "\xff"; }).find("not UTF-8"),
            std::string::npos);
  EXPECT_NE(message_of([](Manifest& m) { m.tensors[0].shards.pop_back(); }).find("10 of 24"),
            std::string::npos);
  EXPECT_EQ(message_of([](Manifest&) {}), "accepted");
}

}  // namespace
}  // namespace tutti
