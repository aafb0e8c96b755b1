// Any bytes as a .idx beside a small .bin, as they are and behind a good header: what opens can be
// read to its end.
#include <cstdint>
#include <string>
#include <vector>

#include "base/test_file_system.h"
#include "data/dataset_metadata.h"
#include "data/indexed_dataset.h"

namespace {

void open_with(std::string_view index) {
  tutti::TestFileSystem fs;
  TUTTI_CHECK(tutti::write_file_atomic(fs, "/d.bin", std::string(12, '\1')).ok());
  TUTTI_CHECK(tutti::write_file_atomic(fs, "/d.idx", index).ok());
  const auto dataset = tutti::IndexedDataset::open(fs, "/d", 1000);
  if (!dataset.ok()) return;
  for (int64_t i = 0; i < dataset->documents(); ++i) {
    std::vector<int32_t> ids(dataset->document_end(i) - dataset->document_begin(i));
    dataset->tokens().read(dataset->document_begin(i), ids);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  open_with(bytes);
  open_with(std::string("MMIDIDX\0\0\1\0\0\0\0\0\0\0\x08", 18) + std::string(bytes));
  (void)tutti::parse_dataset_metadata(bytes, "fuzz");
  return 0;
}
