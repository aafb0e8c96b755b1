// The program `tutti`: finds the verb in one table and runs it.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "base/nearest.h"
#include "output.h"
#include "verbs.h"

namespace tutti {
namespace {

struct Verb {
  std::string_view name;
  std::string_view summary;
  int (*run)(int argc, char** argv);
};

constexpr auto kVerbs = std::to_array<Verb>({
    {"tokenizer", "Train a tokenizer, encode and decode text", run_tokenizer},
    {"data", "Prepare and inspect token datasets", run_data},
    {"train", "Train a model, or go on with a run that stopped", run_train},
    {"eval", "Compute a model's loss on held-out text", run_eval},
    {"report", "Write a run as one HTML page: charts, values, config", run_report},
    {"plan", "Say what a training step needs, without running it", run_plan},
    {"generate", "Continue a text with a trained model", run_generate},
    {"import", "Make a run's directory from a Hugging Face model", run_import},
    {"export", "Write a trained model as a Hugging Face directory", run_export},
    {"explain", "Say what the keys of a run config mean", run_explain},
    {"ckpt", "Look into checkpoints, verify and reshard them", run_ckpt},
    {"doctor", "Describe this machine: CPU, memory, libraries, measured peaks", run_doctor},
});

std::string usage() {
  std::string text =
      "Tutti trains large language models.\n\n"
      "Usage: tutti VERB [ARGUMENTS]\n\n"
      "Verbs:\n";
  for (const Verb& verb : kVerbs) text += fmt::format("  {:<11} {}\n", verb.name, verb.summary);
  text +=
      "\nOptions:\n"
      "  --help      Print this text; `tutti VERB --help` describes a verb\n"
      "  --version   Print the version\n\n"
      "Example: tutti explain optim.lr\n";
  return text;
}

int unknown_verb(std::string_view name) {
  std::vector<std::string> names;
  for (const Verb& verb : kVerbs) names.emplace_back(verb.name);
  return print_usage_error("", fmt::format("unknown verb '{}'{}", name, did_you_mean(name, names)));
}

int run_main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "{}", usage());
    return kExitUsage;
  }
  const std::string_view name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") return print_text("help", usage());
  if (name == "--version") return print_text("version", "tutti " TUTTI_VERSION "\n");
  const auto verb = std::find_if(kVerbs.begin(), kVerbs.end(),
                                 [&](const Verb& candidate) { return candidate.name == name; });
  if (verb == kVerbs.end()) return unknown_verb(name);
  return verb->run(argc - 1, argv + 1);
}

}  // namespace
}  // namespace tutti

// A file that grows beyond the limit of the process (ulimit -f) is a write that fails, with its
// line, and not a process that ends without one. Exceptions of libraries (bad_alloc among them) end
// the process with a line, not a core dump.
int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return tutti::run_main(argc, argv);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "tutti: error: {}\n", failure.what());
    return tutti::kExitFailed;
  }
}
