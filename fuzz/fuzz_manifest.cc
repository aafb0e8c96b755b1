// Manifests of checkpoints: with and without a digest that matches; what is accepted must print and
// parse back to the same text.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "checkpoint/manifest.h"

namespace tutti {
namespace {

void check_manifest_text(std::string_view text) {
  const auto manifest = parse_manifest(text, "fuzz");
  if (!manifest.ok()) return;
  const auto printed = print_manifest(manifest.value());
  TUTTI_CHECK(printed.ok(), "{}", printed.message());
  const auto again = parse_manifest(printed.value(), "printed");
  TUTTI_CHECK(again.ok(), "{}", again.message());
  TUTTI_CHECK(print_manifest(again.value()).value() == printed.value(), "printing is not stable");
}

}  // namespace
}  // namespace tutti

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  tutti::check_manifest_text(text);
  // The fuzzer cannot guess a digest: this one is right, so that what follows it is reached. Most
  // of a manifest is given, because 2,000 runs do not find it either.
  tutti::check_manifest_text(tutti::seal_manifest(text));
  const std::string frame =
      "\",\"format\":\"tutti-checkpoint\",\"version\":1,\"write_token\":\"a\",\"save_index\":1,"
      "\"step\":1,\"world_size\":1,\"plan\":\"\",\"data_position\":0,\"trainer\":{},"
      "\"files\":[{\"name\":\"f\",\"bytes\":8,\"header_digest\":\"" +
      std::string(32, '0') + "\"}],\"tensors\":[{\"name\":\"w\",\"dtype\":\"f32\",";
  tutti::check_manifest_text(tutti::seal_manifest(frame + std::string(text)));
  return 0;
}
