// tutti explain: what the keys of a run config mean.
#include <vector>

#include "base/format.h"
#include "base/nearest.h"
#include "command_line.h"
#include "models/presets.h"
#include "output.h"
#include "train/config_keys.h"
#include "verbs.h"

namespace tutti {
namespace {

Json describe(const ConfigKey& key) {
  Json object = {{"key", key.name},
                 {"type", key_type(key)},
                 {"unit", key.unit},
                 {"default", key_default(key)},
                 {"allowed", key_allowed(key)},
                 {"meaning", key.meaning},
                 {"example", key.example}};
  return object;
}

std::string full_text(const ConfigKey& key) {
  std::string text = fmt::format("{}\n  {}\n\n", key.name, key.meaning);
  text += fmt::format("  type     {}\n", key_type(key));
  if (!key.unit.empty()) text += fmt::format("  unit     {}\n", key.unit);
  text += fmt::format("  default  {}\n", key_default(key));
  if (const std::string allowed = key_allowed(key); !allowed.empty()) {
    text += fmt::format("  allowed  {}\n", allowed);
  }
  return text + fmt::format(
                    "\n  in a file           [{}]\n                      {} = {}\n"
                    "  on the command line {}={}\n",
                    key.section(), key.short_name(), key.example, key.name, key.example);
}

std::string presets_text() {
  std::string text = "\n  presets\n";
  for (const ModelPreset& preset : model_presets()) {
    const auto parameters = static_cast<double>(parameter_count(preset.config));
    text += fmt::format("    {:<15} {:>8} parameters   {}\n", preset.name, human_count(parameters),
                        preset.source);
  }
  return text;
}

std::string list_text(const std::vector<const ConfigKey*>& keys) {
  std::string text;
  std::string_view section;
  for (const ConfigKey* key : keys) {
    if (key->section() != section) {
      text += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", key->section());
      section = key->section();
    }
    text += fmt::format("  {:<22} {:<16} {}\n", key->short_name(), key_default(*key), key->meaning);
  }
  return text;
}

// The keys that `name` stands for: one, those of a section, or, when it is empty, all.
std::vector<const ConfigKey*> select(std::string_view name) {
  std::vector<const ConfigKey*> keys;
  for (const ConfigKey& key : config_keys()) {
    if (name.empty() || key.name == name || key.section() == name) keys.push_back(&key);
  }
  return keys;
}

int unknown_key(const std::string& name) {
  const auto sections = config_sections();
  std::vector<std::string_view> names(sections.begin(), sections.end());
  for (const ConfigKey& key : config_keys()) {
    names.push_back(key.name);
    if (key.short_name() == name) {
      return print_error("explain",
                         not_found("{} is not a key; did you mean \"{}\"?", name, key.name));
    }
  }
  return print_error(
      "explain", not_found("{} is neither a key nor a section{}", name, did_you_mean(name, names)));
}

}  // namespace

int run_explain(int argc, char** argv) {
  CommandLine app("Say what the keys of a run config mean: one, those of a section, or all.",
                  "tutti explain");
  std::string name;
  bool json = false;
  app.add_option("KEY", name, "A key (optim.lr) or a section (optim)");
  app.add_flag("--json", json, "Print one JSON object");
  app.footer("Examples:\n  tutti explain\n  tutti explain optim\n  tutti explain optim.lr");
  if (const auto status = app.parse(argc, argv)) return *status;

  const std::vector<const ConfigKey*> keys = select(name);
  if (keys.empty()) return unknown_key(name);
  if (json) {
    Json list = Json::array();
    for (const ConfigKey* key : keys) list.push_back(describe(*key));
    return print_json("explain", {{"keys", list}});
  }
  if (keys.size() == 1 && keys.front()->name == name) {
    const std::string presets = name == "model.preset" ? presets_text() : "";
    return print_text("explain", full_text(*keys.front()) + presets);
  }
  return print_text("explain", list_text(keys));
}

}  // namespace tutti
