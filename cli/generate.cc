// tutti generate: continue a text with a trained model.
#include <iostream>
#include <iterator>

#include "base/log.h"
#include "base/signal.h"
#include "execute/cpu.h"
#include "kernels/backend.h"
#include "kernels/cpu/kernels.h"
#include "output.h"
#include "serve/generator.h"
#include "serve/text_stream.h"
#include "serve/trained_model.h"
#include "verbs.h"

namespace tutti {
namespace {

struct GenerateFlags {
  std::string path;
  std::string prompt;
  bool prompt_given = false;
  GenerationOptions generation{.sampling = {.temperature = 0.8, .top_p = 0.95}};
  int threads = 0;
  bool echo = false;
  bool ignore_end = false;
  bool json = false;
};

std::string prompt_text(const GenerateFlags& flags) {
  if (flags.prompt_given) return flags.prompt;
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

// A text from nothing begins where a document does: behind the end of the one before.
Result<std::vector<int32_t>> prompt_tokens(const Tokenizer& tokenizer, const std::string& prompt) {
  TUTTI_ASSIGN(std::vector<int32_t> tokens, tokenizer.encode(prompt));
  if (!tokens.empty()) return tokens;
  const auto end = tokenizer.end_of_text();
  if (!end) return invalid("the prompt is empty, and the tokenizer has no end of text to begin at");
  return std::vector<int32_t>{end->id};
}

Result<std::unique_ptr<CachedModel>> load_model(TrainedModel& trained, const GenerateFlags& flags,
                                                int64_t prompt_tokens) {
  const ModelConfig& config = trained.config.model;
  if (prompt_tokens > config.context) {
    return invalid("the prompt has {} tokens, more than model.context = {}", prompt_tokens,
                   config.context);
  }
  // The last token drawn is not read again.
  const int64_t wanted = flags.generation.tokens_max - 1;
  CachedModelOptions options;
  options.capacity = prompt_tokens + std::clamp<int64_t>(wanted, 0, config.context - prompt_tokens);
  const int threads = flags.threads > 0 ? flags.threads : describe_cpu().logical_cores;
  TUTTI_ASSIGN(auto model, CachedModel::create(config, options,
                                               make_cpu_backend(cpu::default_kernels(), threads)));
  TUTTI_TRY(model->load(trained.checkpoint));
  return model;
}

double tokens_per_s(const Generation& generation) {
  return generation.generate_s > 0
             ? static_cast<double>(generation.tokens.size()) / generation.generate_s
             : 0;
}

int print_result(const TrainedModel& trained, const std::string& prompt, size_t prompt_tokens,
                 const std::string& text, const Generation& generation) {
  return print_json("generate", {{"checkpoint", trained.checkpoint.directory()},
                                 {"step", trained.checkpoint.manifest().step},
                                 {"prompt", prompt},
                                 {"prompt_tokens", prompt_tokens},
                                 {"text", text},
                                 {"tokens", generation.tokens},
                                 {"stop_reason", stop_reason_name(generation.reason)},
                                 {"prompt_s", generation.prompt_s},
                                 {"generate_s", generation.generate_s},
                                 {"tokens_per_s", tokens_per_s(generation)}});
}

void print_rate(size_t prompt_tokens, const Generation& generation) {
  log_info("{} tokens in {:.2f} s: {:.1f} tokens/s; the prompt's {} tokens took {:.3f} s{}",
           generation.tokens.size(), generation.generate_s, tokens_per_s(generation), prompt_tokens,
           generation.prompt_s,
           generation.reason == StopReason::kContext ? "; the context is full" : "");
}

Result<int> run(FileSystem& fs, const GenerateFlags& flags) {
  TUTTI_TRY(check_sampling(flags.generation.sampling));
  TUTTI_ASSIGN(TrainedModel trained, open_trained_model(fs, flags.path));
  const Tokenizer& tokenizer = trained.tokenizer;
  const std::string prompt = prompt_text(flags);
  TUTTI_ASSIGN(const std::vector<int32_t> tokens, prompt_tokens(tokenizer, prompt));
  TUTTI_ASSIGN(const auto model, load_model(trained, flags, std::ssize(tokens)));

  GenerationOptions options = flags.generation;
  options.vocab = tokenizer.vocab_size();
  if (const auto end = tokenizer.end_of_text(); end && !flags.ignore_end) {
    options.end_of_text = end->id;
  }
  const StopSignal stop;
  TextStream stream;
  TokenDecoder decoder(tokenizer, true);
  std::string text;
  Status status;  // of decoding and writing
  const auto show = [&](const std::string& piece) {
    text += piece;
    if (flags.json || piece.empty()) return true;
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    return std::fflush(stdout) == 0;
  };
  if (flags.echo && !flags.json) {
    std::fwrite(prompt.data(), 1, prompt.size(), stdout);
  }
  const auto sink = [&](int32_t token) {
    std::string bytes;
    status = decoder.append(token, bytes);
    return status.ok() && show(stream.append(bytes)) && !stop.requested();
  };
  const auto clock = make_system_clock();
  TUTTI_ASSIGN(const Generation generation, generate(*model, tokens, options, *clock, sink));
  TUTTI_TRY(status);
  std::string held;
  decoder.finish(held);
  show(stream.append(held) + stream.finish());
  const int exit = flags.json ? print_result(trained, prompt, tokens.size(), text, generation)
                              : print_text("generate", "\n");
  if (!flags.json && exit == kExitOk) print_rate(tokens.size(), generation);
  return exit == kExitOk && stop.requested() ? 128 + stop.caught() : exit;
}

}  // namespace

int run_generate(int argc, char** argv) {
  CLI::App app("Continue a text with a trained model, as the text is made.", "tutti generate");
  GenerateFlags flags;
  SamplingOptions& sampling = flags.generation.sampling;
  app.add_option("CHECKPOINT", flags.path, "A checkpoint, or a run directory (its newest one)")
      ->required();
  CLI::Option* prompt = app.add_option("--prompt", flags.prompt, "Standard input when missing");
  app.add_option("--tokens", flags.generation.tokens_max, "Stop after so many")
      ->check(CLI::Range(0, 1 << 30))
      ->capture_default_str();
  app.add_option("--temperature", sampling.temperature, "0: always the most likely token")
      ->capture_default_str();
  app.add_option("--top-k", sampling.top_k, "Only the k most likely tokens; 0: all")
      ->capture_default_str();
  app.add_option("--top-p", sampling.top_p, "Only the likely tokens that have this probability")
      ->capture_default_str();
  app.add_option("--seed", sampling.seed, "Of the random numbers")
      ->check(check_not_negative)
      ->capture_default_str();
  app.add_option("--threads", flags.threads, "0: those of the machine")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag("--echo", flags.echo, "Print the prompt first");
  app.add_flag("--ignore-end", flags.ignore_end, "Go on after an end of text");
  app.add_flag("--json", flags.json, "Print one JSON object, at the end");
  app.footer(
      "Example:\n  tutti generate runs/quickstart --prompt 'The open function' --tokens 100");
  if (const auto status = parse_command_line(app, argc, argv)) return *status;
  flags.prompt_given = prompt->count() > 0;

  const auto fs = make_posix_file_system();
  const Result<int> exit = run(*fs, flags);
  return exit.ok() ? *exit : print_error("generate", exit.error());
}

}  // namespace tutti
