// A run's config from a file, with the model that it names.
#include "train/config.h"
#include "train/saved_model.h"

namespace tutti {
namespace {

constexpr uint64_t kConfigBytesMax = 1 << 20;

}  // namespace

Result<Config> load_config(FileSystem& fs, const std::string& path,
                           std::span<const std::string> overrides) {
  TUTTI_ASSIGN(const std::string text, read_file(fs, path, kConfigBytesMax));
  const auto initial = [&fs](const std::string& init) -> Result<ModelConfig> {
    TUTTI_ASSIGN(const Config config, read_saved_config(fs, init));
    return config.model;
  };
  return parse_config(text, path, overrides, initial);
}

}  // namespace tutti
