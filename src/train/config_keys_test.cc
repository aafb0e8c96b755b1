#include "train/config_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "train/config_toml.h"

namespace tutti {
namespace {

TEST(ConfigKeys, HaveNamesThatDifferAndKnownSections) {
  std::set<std::string_view> names;
  for (const ConfigKey& key : config_keys()) {
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    const auto sections = config_sections();
    EXPECT_NE(std::find(sections.begin(), sections.end(), key.section()), sections.end())
        << key.name;
  }
  for (const std::string_view section : config_sections()) {
    EXPECT_TRUE(std::any_of(names.begin(), names.end(), [&](std::string_view name) {
      return name.substr(0, name.find('.')) == section;
    })) << section;
  }
}

// A value of the key that is not its default; the default where there is no other.
std::string another_value(const ConfigKey& key) {
  const std::string standard = key_value(key, Config());
  if (key_type(key) == "boolean") return standard == "true" ? "false" : "true";
  if (key_type(key) == "integer") return fmt::format("{}", static_cast<int64_t>(key.range.max));
  if (key_type(key) == "number") return fmt::format("{}", key.range.max / 2);
  if (const auto* choice = std::get_if<ChoiceField>(&key.field)) {
    const size_t other = choice->get(Config()) == 0 ? choice->words.size() - 1 : 0;
    return std::string(choice->words[other]);
  }
  if (key_type(key) == "list") return std::string(key.example);
  return "another";
}

TEST(ConfigKeys, EachSetsAMemberOfItsOwn) {
  for (const ConfigKey& key : config_keys()) {
    Config probe;
    const Config before = probe;
    const auto assignment = read_override(fmt::format("{}={}", key.name, another_value(key)));
    ASSERT_TRUE(assignment.ok()) << assignment.message();
    ASSERT_TRUE(assign(*assignment, probe).ok()) << key.name;
    const auto* choice = std::get_if<ChoiceField>(&key.field);
    if (choice == nullptr || choice->words.size() > 1) {
      EXPECT_NE(key_value(key, probe), key_value(key, before)) << key.name;
    }
    for (const ConfigKey& other : config_keys()) {
      if (other.name == key.name) continue;
      EXPECT_EQ(key_value(other, probe), key_value(other, before))
          << key.name << " also sets " << other.name;
    }
  }
}

TEST(ConfigKeys, HaveExamplesThatAreAccepted) {
  for (const ConfigKey& key : config_keys()) {
    const std::string text =
        fmt::format("[{}]\n{} = {}\n", key.section(), key.short_name(), key.example);
    const auto assignments = read_toml(text, "example");
    ASSERT_TRUE(assignments.ok()) << assignments.message();
    ASSERT_EQ(assignments->size(), 1u);
    Config config;
    const Status status = assign(assignments->front(), config);
    EXPECT_TRUE(status.ok()) << key.name;
    EXPECT_FALSE(key.meaning.empty()) << key.name;
  }
}

TEST(ConfigKeys, HaveDefaultsInsideTheirRange) {
  const Config defaults;
  for (const ConfigKey& key : config_keys()) {
    if (key.section() == "model") continue;  // 0 there means "not set"
    const std::string text = fmt::format("{}={}", key.name, key_value(key, defaults));
    const auto assignment = read_override(text);
    ASSERT_TRUE(assignment.ok()) << assignment.message();
    Config config;
    EXPECT_TRUE(assign(*assignment, config).ok()) << text;
  }
}

TEST(ConfigKeys, ChoicesRoundTripThroughTheirEnums) {
  for (const ConfigKey& key : config_keys()) {
    const auto* choice = std::get_if<ChoiceField>(&key.field);
    if (choice == nullptr) continue;
    Config config;
    for (size_t i = 0; i < choice->words.size(); ++i) {
      choice->set(config, i);
      EXPECT_EQ(choice->get(config), i) << key.name;
    }
  }
}

TEST(ConfigKeys, ArePutInWords) {
  EXPECT_EQ(key_allowed(*find_config_key("train.steps")), "1 to 1000000000000");
  EXPECT_EQ(key_allowed(*find_config_key("optim.lr")), "above 0 to 10");
  EXPECT_EQ(key_allowed(*find_config_key("parallel.offload_to")), "file or host");
  EXPECT_EQ(key_allowed(*find_config_key("run.dir")), "");
  EXPECT_EQ(key_default(*find_config_key("optim.lr")), "0.0006");
  EXPECT_EQ(key_default(*find_config_key("model.layers")), "from model.preset or model.init");
  EXPECT_EQ(find_config_key("nothing"), nullptr);
}

}  // namespace
}  // namespace tutti
