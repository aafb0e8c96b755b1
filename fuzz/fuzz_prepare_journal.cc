// Any bytes as a journal, as they are and with each line's checksum put right: what is taken ends
// at a line's end, and no further than the text.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/crc32c.h"
#include "data/prepare_journal.h"

namespace {

void read_journal(std::string_view text) {
  const auto content = tutti::parse_journal(text, "abc", "fuzz");
  if (!content.ok()) return;
  TUTTI_CHECK(content->bytes > 0 && content->bytes <= text.size());
  TUTTI_CHECK(text[content->bytes - 1] == '\n');
  const tutti::PreparePoint& point = content->point;
  TUTTI_CHECK(point.train.written.tokens >= 0 && point.validation.last_file >= -1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read_journal(bytes);
  std::string text;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size());
    const std::string_view line = bytes.substr(at, end - at);
    text += fmt::format("{:08x} {}\n", tutti::crc32c(line.data(), line.size()), line);
    at = end + 1;
  }
  read_journal(text);
  return 0;
}
