// Any bytes as a line of fine-tuning: an example that can be laid out, or one error that names the
// place.
#include <cstdint>
#include <string>
#include <string_view>

#include "data/chat_example.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string path = "/a.jsonl";
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto example = tutti::parse_chat_example(text, {path, 1, 0});
  if (!example.ok()) {
    TUTTI_CHECK(example.message().starts_with("/a.jsonl:1: "), "{}", example.message());
    return 0;
  }
  bool learned = false;
  for (const tutti::ChatMessage& message : example->messages) {
    learned |= message.learned && !message.content.empty();
  }
  TUTTI_CHECK(learned);
  (void)tutti::chat_text(*example);
  return 0;
}
