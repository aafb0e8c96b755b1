// Any bytes are POD; what comes out is never much longer than what went in.
#include <cstdint>
#include <string>

#include "base/status.h"
#include "base/utf8.h"
#include "data/pod.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const std::string& text :
       {tutti::pod_to_text(bytes), tutti::pod_to_text("=pod\n\n" + std::string(bytes))}) {
    TUTTI_CHECK(text.size() <= 8 * size + 64, "{} bytes became {}", size, text.size());
    if (tutti::is_utf8(bytes)) TUTTI_CHECK(tutti::is_utf8(text));
  }
  return 0;
}
