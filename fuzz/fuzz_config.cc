// Run configs: any bytes give a config or an error, and a config that is taken is written so that
// it reads back to the same text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "train/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // The first line is an override; without the preset hardly any input would get as far as the
  // checks.
  const size_t line_end = std::min(text.find('\n'), text.size());
  const std::vector<std::string> overrides = {"model.preset=llama-tiny", "train.seq_len=16",
                                              std::string(text.substr(0, line_end))};
  const std::vector<std::string> preset_only(overrides.begin(), overrides.begin() + 2);
  (void)tutti::parse_config("", "fuzz", overrides);
  const auto config = tutti::parse_config(text.substr(line_end), "fuzz", preset_only);
  if (!config.ok()) return 0;
  const std::string written = tutti::format_config(*config);
  const auto again = tutti::parse_config(written, "written", {});
  TUTTI_CHECK(again.ok(), "{}\n{}", again.message(), written);
  TUTTI_CHECK(tutti::format_config(*again) == written, "{}", written);
  return 0;
}
