// Whatever the text, the graph's parser gives a graph or an error; and a graph that prints parses
// back to the same text.
#include <cstdlib>
#include <string_view>

#include "ir/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto graph = tutti::parse_graph({reinterpret_cast<const char*>(data), size});
  if (!graph.ok()) return 0;
  const std::string text = tutti::print(*graph);
  const auto again = tutti::parse_graph(text);
  if (!again.ok() || tutti::print(*again) != text) std::abort();
  return 0;
}
