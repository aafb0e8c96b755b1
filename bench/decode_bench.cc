// Times greedy decoding and prompts of a preset with random weights. bench/vs_transformers
// alternates single runs of this program with Hugging Face transformers'.
//
//   decode_bench --preset smollm2-135m --weights bf16 --threads 2 --runs 5 [--profile]
//
// Commands of --stdin, one a line, each answered by a line of JSON: "decode" (a short prompt, then
// --tokens tokens one by one, which count); "prompt" (--prompt tokens at once); "summary";
// "bandwidth" (of reading memory); "end".
#include <algorithm>
#include <iostream>

#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "command_line.h"
#include "execute/initialise.h"
#include "execute/machine.h"
#include "models/presets.h"
#include "serve/generator.h"
#include "tensor/arena.h"

namespace tutti {
namespace {

struct Flags {
  std::string preset = "smollm2-135m";
  std::string weights = "f32";
  std::string kernels = "best";
  int64_t prompt = 512;
  int64_t start = 16;  // tokens before those that are decoded
  int64_t tokens = 64;
  int64_t runs = 3;
  int threads = 1;
  bool profile = false;
  bool from_stdin = false;
};

const cpu::Kernels& kernels_of(const Flags& flags) {
  if (flags.kernels == "v3") return cpu::fast_kernels(cpu::Isa::kV3);
  if (flags.kernels == "portable") return cpu::fast_kernels(cpu::Isa::kPortable);
  return cpu::default_kernels();
}

// Bytes per second of reading 512 MiB: what decoding, which writes next to nothing, cannot exceed.
Result<double> read_bandwidth(Clock& clock, int threads, double seconds) {
  constexpr int64_t kWords = int64_t{1} << 26, kStreams = 4, kStreamWords = 1 << 13;
  TUTTI_ASSIGN(const Arena arena, Arena::create(kWords * sizeof(uint64_t)));
  arena.first_touch(threads);
  const auto* words = reinterpret_cast<const uint64_t*>(arena.data());
  double best_s = 0;
  uint64_t sum = 0;
  const double end_s = clock.monotonic_s() + seconds;
  for (int pass = 0; pass < 3 || clock.monotonic_s() < end_s; ++pass) {
    const double start_s = clock.monotonic_s();
#pragma omp parallel for reduction(+ : sum) num_threads(threads) schedule(static)
    for (int64_t block = 0; block < kWords; block += kStreams * kStreamWords) {
      // One stream alone leaves most of a core's outstanding reads unused.
      const uint64_t *a = words + block, *b = a + kStreamWords, *c = b + kStreamWords,
                     *d = c + kStreamWords;
      uint64_t part = 0;
#pragma omp simd reduction(+ : part)
      for (int64_t i = 0; i < kStreamWords; ++i) part += a[i] + b[i] + c[i] + d[i];
      sum += part;
    }
    const double pass_s = clock.monotonic_s() - start_s;
    best_s = pass == 0 ? pass_s : std::min(best_s, pass_s);
  }
  TUTTI_CHECK(sum == 0, "new memory is not zeros");
  return kWords * sizeof(uint64_t) / best_s;
}

class DecodeBench {
 public:
  static Result<std::unique_ptr<DecodeBench>> create(const Flags& flags, Clock& clock);

  Json description() const;
  Result<Json> decode();
  Result<Json> prompt();
  Result<Json> bandwidth();
  const Profile& profile() const { return profile_; }

 private:
  DecodeBench(const Flags& flags, Clock& clock) : flags_(flags), clock_(clock) {}
  std::vector<int32_t> random_tokens(int64_t count);

  Flags flags_;
  Clock& clock_;
  ModelConfig config_;
  std::unique_ptr<CachedModel> model_;
  Profile profile_;
  uint64_t texts_ = 0;
};

Result<std::unique_ptr<DecodeBench>> DecodeBench::create(const Flags& flags, Clock& clock) {
  const ModelPreset* preset = find_model_preset(flags.preset);
  if (preset == nullptr) return not_found("no preset '{}'", flags.preset);
  std::unique_ptr<DecodeBench> bench(new DecodeBench(flags, clock));
  bench->config_ = preset->config;
  CachedModelOptions options;
  options.weights = *parse_dtype(flags.weights);
  options.capacity = std::max(flags.prompt, flags.start + flags.tokens);
  const cpu::Kernels& kernels = kernels_of(flags);
  TUTTI_ASSIGN(bench->model_, CachedModel::create(preset->config, options,
                                                  make_cpu_backend(kernels, flags.threads)));
  bench->model_->initialise(1, kernels, flags.threads);
  if (flags.profile) bench->model_->set_profile(&bench->profile_);
  return bench;
}

Json DecodeBench::description() const {
  return {{"preset", flags_.preset},
          {"parameters", parameter_count(config_)},
          {"weights", flags_.weights},
          {"threads", flags_.threads},
          {"kernels", kernels_of(flags_).name},
          {"matrix_library", this_machine(flags_.threads).matrix_library},
          {"token_bytes", model_->token_bytes(flags_.start + flags_.tokens / 2)},
          {"allocated_bytes", model_->allocated_bytes()}};
}

std::vector<int32_t> DecodeBench::random_tokens(int64_t count) {
  const RngKey key = rng_key(1, texts_++, stable_hash("tokens"));
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t word = philox(key, static_cast<uint64_t>(i))[0];
    tokens.push_back(static_cast<int32_t>(word % static_cast<uint64_t>(config_.vocab)));
  }
  return tokens;
}

// The first token comes with the prompt: one more is drawn than is read.
Result<Json> DecodeBench::decode() {
  model_->reset();
  GenerationOptions options;
  options.sampling.temperature = 0;
  options.tokens_max = flags_.tokens + 1;
  TUTTI_ASSIGN(const Generation generation, generate(*model_, random_tokens(flags_.start), options,
                                                     clock_, [](int32_t) { return true; }));
  TUTTI_CHECK(generation.steps == flags_.tokens);
  return Json{{"seconds", generation.generate_s}, {"tokens", generation.steps}};
}

Result<Json> DecodeBench::prompt() {
  model_->reset();
  const std::vector<int32_t> tokens = random_tokens(flags_.prompt);
  const double start_s = clock_.monotonic_s();
  TUTTI_TRY(model_->append(tokens).status());
  return Json{{"seconds", clock_.monotonic_s() - start_s}, {"tokens", flags_.prompt}};
}

Result<Json> DecodeBench::bandwidth() {
  TUTTI_ASSIGN(const double bytes_per_s, read_bandwidth(clock_, flags_.threads, 1.0));
  return Json{{"memory_bytes_per_s", bytes_per_s}};
}

void print(const Json& object) { std::cout << object.dump() << std::endl; }

Status obey(DecodeBench& bench, const std::string& command) {
  Result<Json> answer =
      invalid("'{}' is no command; expected decode, prompt, bandwidth or end", command);
  if (command == "decode") answer = bench.decode();
  if (command == "prompt") answer = bench.prompt();
  if (command == "bandwidth") answer = bench.bandwidth();
  if (!answer.ok()) return answer.error();
  print(*answer);
  return {};
}

Status run(const Flags& flags) {
  const auto clock = make_system_clock();
  TUTTI_ASSIGN(const auto bench, DecodeBench::create(flags, *clock));
  print(bench->description());
  if (flags.from_stdin) {
    for (std::string line; std::getline(std::cin, line) && line != "end";) {
      TUTTI_TRY(obey(*bench, line));
    }
  } else {
    for (int64_t i = 0; i < flags.runs; ++i) {
      for (const char* command : {"decode", "prompt", "bandwidth"}) {
        TUTTI_TRY(obey(*bench, command));
      }
    }
  }
  if (flags.profile) std::cerr << format_profile(bench->profile(), 0, 0);
  return {};
}

}  // namespace
}  // namespace tutti

int main(int argc, char** argv) {
  tutti::Flags flags;
  tutti::CommandLine app("Time decoding and prompts with random weights.", "decode_bench");
  app.add_option("--preset", flags.preset, "A model preset")->capture_default_str();
  app.add_option("--weights", flags.weights)->one_of({"f32", "bf16"})->capture_default_str();
  app.add_option("--kernels", flags.kernels, "Instruction set of the kernels")
      ->one_of({"best", "v3", "portable"})
      ->capture_default_str();
  app.add_option("--prompt", flags.prompt, "Tokens of a prompt that is timed")
      ->range(1, INT64_MAX)
      ->capture_default_str();
  app.add_option("--start", flags.start, "Tokens before those that are decoded")
      ->range(1, INT64_MAX)
      ->capture_default_str();
  app.add_option("--tokens", flags.tokens, "Tokens that are decoded")
      ->range(1, INT64_MAX)
      ->capture_default_str();
  app.add_option("--runs", flags.runs)->range(1, INT64_MAX)->capture_default_str();
  app.add_option("--threads", flags.threads)->range(1, 1024)->capture_default_str();
  app.add_flag("--profile", flags.profile, "Print where the time goes, on standard error");
  app.add_flag("--stdin", flags.from_stdin, "Run what standard input says");
  if (const auto status = app.parse(argc, argv)) return *status;
  const tutti::Status status = tutti::run(flags);
  if (status.ok()) return 0;
  std::cerr << "decode_bench: error: " << status.message() << "\n";
  return 1;
}
