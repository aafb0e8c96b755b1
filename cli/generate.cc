// tutti generate: continue a text with a trained model.
#include "base/log.h"
#include "base/signal.h"
#include "command_line.h"
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
  std::string weights = "f32";
  bool echo = false;
  bool ignore_end = false;
  bool json = false;
};

std::string prompt_text(const GenerateFlags& flags) {
  if (flags.prompt_given) return flags.prompt;
  return read_standard_input();
}

// A text from nothing begins where a document does: behind the end of the one before.
Result<std::vector<int32_t>> prompt_tokens(const TrainedModel& trained, const std::string& prompt) {
  TUTTI_ASSIGN(std::vector<int32_t> tokens, trained.tokenizer.encode(prompt));
  begin_text(trained.bounds, tokens);
  if (!tokens.empty()) return tokens;
  const auto end = trained.tokenizer.end_of_text();
  if (!end) return invalid("the prompt is empty, and the tokenizer has no end of text to begin at");
  return std::vector<int32_t>{end->id};
}

int thread_count(const GenerateFlags& flags) {
  return flags.threads > 0 ? flags.threads : describe_cpu().logical_cores;
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
  options.weights = *parse_dtype(flags.weights);
  // Rounded up: the last piece of a prompt is padded where there is room.
  const int64_t positions = (prompt_tokens + std::max<int64_t>(wanted, 0) + 63) / 64 * 64;
  options.capacity = std::min(positions, config.context);
  TUTTI_ASSIGN(auto model,
               CachedModel::create(config, options,
                                   make_cpu_backend(cpu::default_kernels(), thread_count(flags))));
  TUTTI_TRY(model->load(*trained.tensors));
  return model;
}

// How fast a generation was; 0 for what took no time.
struct Rates {
  double prompt_tokens_per_s = 0;
  double tokens_per_s = 0;        // one by one, after the prompt
  double memory_bytes_per_s = 0;  // weights and cache that these tokens had to read
};

Rates rates_of(const CachedModel& model, int64_t prompt_tokens, const Generation& generation) {
  Rates rates;
  if (generation.prompt_s > 0) {
    rates.prompt_tokens_per_s = static_cast<double>(prompt_tokens) / generation.prompt_s;
  }
  if (generation.generate_s > 0) {
    double bytes = 0;
    for (int64_t i = 0; i < generation.steps; ++i) {
      bytes += static_cast<double>(model.token_bytes(prompt_tokens + i));
    }
    rates.tokens_per_s = static_cast<double>(generation.steps) / generation.generate_s;
    rates.memory_bytes_per_s = bytes / generation.generate_s;
  }
  return rates;
}

int print_result(const TrainedModel& trained, const GenerateFlags& flags, const std::string& prompt,
                 size_t prompt_tokens, const std::string& text, const Generation& generation,
                 const Rates& rates) {
  return print_json("generate", {{"checkpoint", trained.tensors->directory()},
                                 {"step", trained.step},
                                 {"weights", flags.weights},
                                 {"threads", thread_count(flags)},
                                 {"prompt", prompt},
                                 {"prompt_tokens", prompt_tokens},
                                 {"text", text},
                                 {"tokens", generation.tokens},
                                 {"stop_reason", stop_reason_name(generation.reason)},
                                 {"prompt_s", generation.prompt_s},
                                 {"generate_s", generation.generate_s},
                                 {"prompt_tokens_per_s", rates.prompt_tokens_per_s},
                                 {"tokens_per_s", rates.tokens_per_s},
                                 {"memory_bytes_per_s", rates.memory_bytes_per_s}});
}

void print_rate(size_t prompt_tokens, const Generation& generation, const Rates& rates) {
  log_info(
      "{} tokens in {:.2f} s: {:.1f} tokens/s, {:.1f} GB/s; the prompt's {} tokens took {:.3f} s: "
      "{:.0f} tokens/s{}",
      generation.tokens.size(), generation.generate_s, rates.tokens_per_s,
      rates.memory_bytes_per_s / 1e9, prompt_tokens, generation.prompt_s, rates.prompt_tokens_per_s,
      generation.reason == StopReason::kContext ? "; the context is full" : "");
}

Result<int> run(FileSystem& fs, const GenerateFlags& flags) {
  TUTTI_TRY(check_sampling(flags.generation.sampling));
  TUTTI_ASSIGN(TrainedModel trained, open_trained_model(fs, flags.path));
  const Tokenizer& tokenizer = trained.tokenizer;
  const std::string prompt = prompt_text(flags);
  TUTTI_ASSIGN(const std::vector<int32_t> tokens, prompt_tokens(trained, prompt));
  const StopSignal stop;
  TUTTI_ASSIGN(const auto model, load_model(trained, flags, std::ssize(tokens)));

  GenerationOptions options = flags.generation;
  options.vocab = tokenizer.vocab_size();
  if (!flags.ignore_end) options.end_tokens = trained.bounds.ends;
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
  const Rates rates = rates_of(*model, std::ssize(tokens), generation);
  const int exit =
      flags.json ? print_result(trained, flags, prompt, tokens.size(), text, generation, rates)
                 : print_text("generate", "\n");
  if (!flags.json && exit == kExitOk) print_rate(tokens.size(), generation, rates);
  return exit == kExitOk && stop.requested() ? 128 + stop.caught() : exit;
}

}  // namespace

int run_generate(int argc, char** argv) {
  CommandLine app("Continue a text with a trained model, as the text is made.", "tutti generate");
  GenerateFlags flags;
  SamplingOptions& sampling = flags.generation.sampling;
  app.add_option("CHECKPOINT", flags.path,
                 "A checkpoint, a run directory (its newest one), or a Hugging Face directory")
      ->required();
  CommandLineOption* prompt =
      app.add_option("--prompt", flags.prompt, "Standard input when missing");
  app.add_option("--tokens", flags.generation.tokens_max, "Stop after so many")
      ->range(0, 1 << 30)
      ->capture_default_str();
  app.add_option("--temperature", sampling.temperature, "0: always the most likely token")
      ->capture_default_str();
  app.add_option("--top-k", sampling.top_k, "Only the k most likely tokens; 0: all")
      ->capture_default_str();
  app.add_option("--top-p", sampling.top_p, "Only the likely tokens that have this probability")
      ->capture_default_str();
  app.add_option("--seed", sampling.seed, "Of the random numbers")->capture_default_str();
  app.add_option("--threads", flags.threads, "0: those of the machine")
      ->range(0, 1024)
      ->capture_default_str();
  app.add_option("--weights", flags.weights,
                 "f32, or bf16 (rounded matrices: half the memory, 1.6 to 1.9 times the speed)")
      ->one_of({"f32", "bf16"})
      ->capture_default_str();
  app.add_flag("--echo", flags.echo, "Print the prompt first");
  app.add_flag("--ignore-end", flags.ignore_end, "Go on after a token that ends the text");
  app.add_flag("--json", flags.json, "Print one JSON object, at the end");
  app.footer(
      "Example:\n  tutti generate runs/quickstart --prompt 'The open function' --tokens 100");
  if (const auto status = app.parse(argc, argv)) return *status;
  flags.prompt_given = prompt->count() > 0;

  const auto fs = make_posix_file_system();
  const Result<int> exit = run(*fs, flags);
  return exit.ok() ? *exit : print_error("generate", exit.error());
}

}  // namespace tutti
