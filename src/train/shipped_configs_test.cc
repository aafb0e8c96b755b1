#include <gtest/gtest.h>

#include "train/config.h"

namespace tutti {
namespace {

TEST(ShippedConfigs, AreRead) {
  const auto fs = make_posix_file_system();
  const std::string directory = TUTTI_SOURCE_DIR "/configs";
  const auto entries = fs->list(directory);
  ASSERT_TRUE(entries.ok()) << entries.message();
  int configs = 0;
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(".toml")) continue;
    ++configs;
    const Result<Config> config = load_config(*fs, join_path(directory, entry.name), {});
    EXPECT_TRUE(config.ok()) << config.message();
  }
  EXPECT_GE(configs, 4);
}

}  // namespace
}  // namespace tutti
