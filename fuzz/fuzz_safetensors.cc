// Headers of safetensors files: whatever is accepted must be consistent, and writing the tensors
// that it declares must give a header that is accepted with the same tensors.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/safetensors.h"
#include "checkpoint/safetensors_writer.h"

namespace tutti {
namespace {

void check_header(std::string_view json, uint64_t data_bytes) {
  const auto header = parse_safetensors_header(json, data_bytes, "fuzz");
  if (!header.ok()) return;
  std::vector<SafetensorsDeclaration> declarations;
  uint64_t end = 0;
  for (const SafetensorsTensor& tensor : header.value().tensors) {
    TUTTI_CHECK(tensor.offset == end, "gap before \"{}\"", tensor.name);
    end += tensor.bytes;
    declarations.push_back({tensor.name, tensor.dtype, tensor.sizes});
  }
  TUTTI_CHECK(end == data_bytes, "{} != {}", end, data_bytes);
  const auto printed = build_safetensors_header(declarations, header.value().metadata);
  TUTTI_CHECK(printed.ok(), "{}", printed.message());
  const std::string_view text = std::string_view(printed.value()).substr(8);
  const auto again = parse_safetensors_header(text, data_bytes, "printed");
  TUTTI_CHECK(again.ok(), "{}", again.message());
  TUTTI_CHECK(again.value().tensors.size() == declarations.size(), "tensors were lost");
}

}  // namespace
}  // namespace tutti

// The first two bytes are the length of the data, the rest is the JSON: as it is, and as what
// follows a good entry, because a short run does not find one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint64_t data_bytes = data[0] | uint64_t{data[1]} << 8;
  const std::string json(reinterpret_cast<const char*>(data) + 2, size - 2);
  tutti::check_header(json, data_bytes);
  tutti::check_header(
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[2,2],\"data_offsets\":[0,4]},\"b\":{\"dtype\":" + json,
      data_bytes);
  tutti::check_header("{\"__metadata__\":{" + json, data_bytes);
  return 0;
}
