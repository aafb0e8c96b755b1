#include "train/check_runnable.h"

#include "base/format.h"
#include "train/config_keys.h"

namespace tutti {
namespace {

struct OnlyValue {
  std::string_view key;
  std::string_view value;  // as TOML
  std::string_view why;
};

// In the order in which they are reported: sizes first, for the others follow from them.
constexpr OnlyValue kOnlyValues[] = {
    {"parallel.offload", "\"none\"", "offloading is not built"},
};

std::string size_text(int64_t bytes) { return human_bytes(static_cast<uint64_t>(bytes)); }

}  // namespace

Status check_runnable(const Config& config) {
  for (const OnlyValue& only : kOnlyValues) {
    const ConfigKey* key = find_config_key(only.key);
    TUTTI_CHECK(key != nullptr, "{}", only.key);
    const std::string value = key_value(*key, config);
    if (value != only.value) {
      return invalid("{} = {}: {}; set it to {}", only.key, value, only.why, only.value);
    }
  }
  if (config.data.sets().empty()) {
    return invalid(
        "data.train is not set; set it to the prefix of a .bin/.idx pair, which `tutti data "
        "prepare` makes, or set data.mixture");
  }
  return {};
}

Status check_memory(const MemoryReport& plan, int64_t arenas_bytes, int64_t staging_bytes,
                    int ranks, const AvailableMemory& available) {
  const int64_t needed = arenas_bytes + ranks * staging_bytes;
  if (static_cast<uint64_t>(needed) <= available.bytes) return {};
  return error(
      ErrorKind::kResource,
      "the run needs {} of memory{}, but {} are available ({}): parameters {}, gradients {}, "
      "optimizer {}, stash {}, scratch {}, checkpoint staging {}; make train.micro_batch, "
      "train.seq_len or the model smaller{}",
      size_text(needed), ranks > 1 ? fmt::format(" for {} ranks", ranks) : "",
      human_bytes(available.bytes), available.limit, size_text(plan.parameters),
      size_text(plan.gradients), size_text(plan.optimizer), size_text(plan.stash),
      size_text(plan.scratch), size_text(staging_bytes),
      staging_bytes > 0 ? ", or set checkpoint.async = false" : "");
}

}  // namespace tutti
