// Times training steps of a preset on random tokens. Each step prints one line of JSON as it ends,
// so that a driver can watch, or, with --stdin, say when the next one starts: bench/vs_pytorch
// alternates single steps of this program with PyTorch's.
//
//   step_bench --preset gpt2-124m --batch 4 --seq 256 --threads 2 --steps 8 [--profile]
//   mpirun -n 2 step_bench --shard 2 --zero 3
//
// Commands of --stdin, one a line: "step"; "summary"; "peak" (measures the matrix product); "end".
// Of several ranks the first reads and prints. A step takes from when all are ready to when the
// last is done; of memory the rank counts that had most.
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/rng.h"
#include "comm/mpi/mpi_world.h"
#include "comm/mpi_environment.h"
#include "command_line.h"
#include "execute/executor.h"
#include "execute/initialise.h"
#include "execute/machine.h"
#include "models/presets.h"
#include "program/report.h"
#include "telemetry/trace.h"
#include "train/config_keys.h"
#include "train/layout.h"
#include "train/ranks.h"
#include "train/run_programs.h"
#include "train/step_inputs.h"

namespace tutti {
namespace {

// Ranks wait as long for a driver's next command.
constexpr double kTimeout_s = 86400;
constexpr size_t kSpansMax = 1 << 18;

struct Flags {
  std::string preset = "gpt2-124m";
  ParallelSection parallel;
  int64_t batch = 4;
  int64_t micro_batch = 0;  // 0: all of the batch at once
  int64_t seq = 256;
  int64_t steps = 8;
  int threads = 1;
  std::string schedule, recompute;  // of keys of parallel; empty: their defaults
  int64_t stash_mib = 0;
  bool keep_gathered = false;
  bool profile = false;
  std::string trace;
  bool from_stdin = false;
};

// The most memory that this process ever had resident (VmHWM).
int64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  }
  return 0;
}

// Seconds since the process started, to a clock tick: field 22 of /proc/self/stat (proc(5)).
double process_age_s() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  // The second field is a name in parentheses that may hold anything.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  const double started_s = std::stod(field) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) - started_s;
}

// Sets a key whose values are words.
Status choose(std::string_view key, const std::string& word, Config& config) {
  if (word.empty()) return {};
  const auto& choice = std::get<ChoiceField>(find_config_key(key)->field);
  const auto found = std::find(choice.words.begin(), choice.words.end(), word);
  if (found == choice.words.end()) return invalid("{} has no value '{}'", key, word);
  choice.set(config, static_cast<size_t>(found - choice.words.begin()));
  return {};
}

Result<Config> config_of(const Flags& flags) {
  const ModelPreset* preset = find_model_preset(flags.preset);
  if (preset == nullptr) return not_found("no preset '{}'", flags.preset);
  const int64_t micro_batch = flags.micro_batch == 0 ? flags.batch : flags.micro_batch;
  if (micro_batch < 1 || flags.batch % micro_batch != 0) {
    return invalid("--batch {} is not a multiple of --micro-batch {}", flags.batch, micro_batch);
  }
  Config config;
  config.preset = flags.preset;
  config.model = preset->config;
  config.parallel = flags.parallel;
  config.parallel.reshard_after_forward = !flags.keep_gathered;
  config.parallel.stash_mib = flags.stash_mib;
  TUTTI_TRY(choose("parallel.schedule", flags.schedule, config));
  TUTTI_TRY(choose("parallel.recompute", flags.recompute, config));
  config.train.seed = 1;
  config.train.seq_len = flags.seq;
  config.train.micro_batch = micro_batch;
  config.train.global_batch = flags.batch * config.data_ranks();
  config.train.threads = flags.threads;
  return config;
}

// What ranks agree on is for the first to print; the others get the same.
class StepBench {
 public:
  // `world` may be null: one rank. It and the clock must outlive the bench.
  static Result<std::unique_ptr<StepBench>> create(const Flags& flags, Clock& clock, World* world);

  Json description() const;
  Result<Json> step();
  Result<Json> peak();
  Result<Json> summary();
  std::string profile_text() const;
  // Of all ranks; the first writes it.
  Status write_trace(const std::string& path);
  Ranks& ranks() { return ranks_; }

 private:
  StepBench(const Config& config, Clock& clock, Ranks ranks)
      : config_(config), clock_(clock), ranks_(std::move(ranks)) {}
  int threads() const { return static_cast<int>(config_.train.threads); }
  Status prepare();
  void fill_tokens();
  Result<int64_t> most_resident_bytes();

  const Config config_;
  Clock& clock_;
  Ranks ranks_;
  Plan plan_;
  std::unique_ptr<SpanRecorder> spans_;  // null: no trace
  std::unique_ptr<Executor> executor_;
  Profile profile_;
  double compile_s_ = 0, setup_s_ = 0, first_step_s_ = 0, run_s_ = 0, step_flops_ = 0;
  int64_t planned_bytes_ = 0;
  int64_t steps_ = 0;
};

Result<std::unique_ptr<StepBench>> StepBench::create(const Flags& flags, Clock& clock,
                                                     World* world) {
  TUTTI_ASSIGN(const Config config, config_of(flags));
  TUTTI_ASSIGN(Ranks ranks, Ranks::create(world, 1));
  TUTTI_TRY(check_ranks(config, ranks.size()));
  std::unique_ptr<StepBench> bench(new StepBench(config, clock, std::move(ranks)));
  if (!flags.trace.empty()) bench->spans_ = std::make_unique<SpanRecorder>(clock, kSpansMax);
  TUTTI_TRY(bench->prepare());
  if (flags.profile) bench->executor_->set_profile(&bench->profile_);
  bench->setup_s_ = process_age_s();
  return bench;
}

Status StepBench::prepare() {
  const OpTable ops;
  const cpu::Kernels& kernels = cpu::default_kernels();
  std::unique_ptr<Backend> backend = make_cpu_backend(kernels, threads());
  const auto fs = make_posix_file_system();
  TUTTI_ASSIGN(const Layout layout, layout_of(*fs, config_, ops));
  plan_ = layout.plan;
  TUTTI_ASSIGN(RunPrograms programs, compile_run(config_, layout, ops, *backend));
  CompiledStep& compiled = programs.train;
  compile_s_ = compiled.passes_s + compiled.programs_s;
  for (const Program& program : compiled.stages) {
    planned_bytes_ = std::max(planned_bytes_, memory_report(program).total());
    step_flops_ += step_flops(ops, program) / static_cast<double>(compiled.stages.size());
  }
  const int stage = plan_.mesh.coordinate(ranks_.rank(), Axis::kPp);
  std::vector<Program> list;
  list.push_back(std::move(compiled.stages[static_cast<size_t>(stage)]));
  TUTTI_ASSIGN(executor_, Executor::create(std::move(list), std::move(backend),
                                           {ranks_.world(), spans_.get()}));
  return initialise_parameters(*executor_, 0, compiled.step, 1, kernels, threads());
}

Json StepBench::description() const {
  return {{"preset", config_.preset},
          {"layout", to_string(plan_.mesh)},
          {"zero", config_.parallel.zero},
          {"batch", config_.train.global_batch},
          {"seq", config_.train.seq_len},
          {"threads", threads()},
          {"kernels", cpu::default_kernels().name},
          {"matrix_library", this_machine(threads()).matrix_library},
          {"compile_s", compile_s_},
          {"planned_bytes", planned_bytes_},
          {"allocated_bytes", executor_->allocated_bytes()},
          {"step_flops", step_flops_}};
}

void StepBench::fill_tokens() {
  const auto vocab = static_cast<uint32_t>(config_.model.vocab);
  const auto fill = [&](int64_t n, std::span<int32_t> tokens, std::span<int32_t> labels,
                        std::span<int32_t> positions, std::span<int32_t>) {
    const RngKey key = rng_key(1, static_cast<uint64_t>(n), stable_hash("tokens"));
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto words = philox(key, i);
      tokens[i] = static_cast<int32_t>(words[0] % vocab);
      labels[i] = static_cast<int32_t>(words[1] % vocab);
      positions[i] = static_cast<int32_t>(i);
    }
  };
  fill_samples(*executor_, 0, config_.train.seq_len, plan_.seq_order(), fill,
               steps_ * config_.train.global_batch);
}

Result<Json> StepBench::step() {
  fill_tokens();
  ++steps_;
  set_scalars(*executor_, 0, config_.optim, {.step = steps_, .updates = steps_, .lr = 1e-4});
  executor_->set_step(steps_);
  TUTTI_TRY(ranks_.barrier());
  const double start_s = clock_.monotonic_s();
  TUTTI_TRY(executor_->run(0));
  const double here_s = clock_.monotonic_s() - start_s;
  run_s_ += here_s;
  profile_.step();
  TUTTI_ASSIGN(const double seconds, ranks_.max(here_s));
  if (steps_ == 1) first_step_s_ = seconds;
  TUTTI_ASSIGN(const int64_t resident_bytes, most_resident_bytes());
  return Json{{"step", steps_},
              {"seconds", seconds},
              {"loss", *executor_->operand(0, "loss").as<float>()},
              {"peak_resident_bytes", resident_bytes}};
}

Result<Json> StepBench::peak() {
  // Its arrays come on top of the step's memory: what the summary says must be read before.
  TUTTI_ASSIGN(const MachinePeaks peaks, measure_machine(clock_, threads(), 2.0));
  return Json{{"matrix_flops_per_s", peaks.matrix_flops_per_s},
              {"memory_bytes_per_s", peaks.memory_bytes_per_s}};
}

Result<int64_t> StepBench::most_resident_bytes() {
  TUTTI_ASSIGN(const double bytes, ranks_.max(static_cast<double>(peak_resident_bytes())));
  return static_cast<int64_t>(bytes);
}

Result<Json> StepBench::summary() {
  TUTTI_ASSIGN(const int64_t resident_bytes, most_resident_bytes());
  return Json{{"steps", steps_},
              {"peak_resident_bytes", resident_bytes},
              {"planned_bytes", planned_bytes_},
              {"allocated_bytes", executor_->allocated_bytes()},
              {"sent_bytes", executor_->sent().total_bytes()},
              {"compile_s", compile_s_},
              {"setup_s", setup_s_},
              // Without what a driver waited between the two.
              {"start_to_first_step_s", setup_s_ + first_step_s_}};
}

// Of this rank.
std::string StepBench::profile_text() const {
  std::string text = format_profile(profile_, 0, 0);
  if (ranks_.size() == 1) return text;
  const double waited_s = (run_s_ - profile_.seconds()) / static_cast<double>(steps_);
  return text +
         fmt::format("outside of instructions, which is mostly for other ranks: {:.1f} ms a step\n",
                     1e3 * waited_s);
}

Status StepBench::write_trace(const std::string& path) {
  TUTTI_ASSIGN(const auto events, ranks_.to_leader(trace_events(ranks_.rank(), *spans_)));
  if (!ranks_.leads()) return {};
  return write_file_atomic(*make_posix_file_system(), path, trace_json(events));
}

void print(const Json& object) { std::cout << object.dump() << std::endl; }

// The next line of the first rank's standard input; "end" behind the last.
Result<std::string> next_command(Ranks& ranks) {
  std::string line = "end";
  if (ranks.leads() && !std::getline(std::cin, line)) line = "end";
  return ranks.from_leader(line);
}

Status obey(StepBench& bench) {
  while (true) {
    TUTTI_ASSIGN(const std::string command, next_command(bench.ranks()));
    if (command == "end") return {};
    Result<Json> answer =
        invalid("'{}' is not a command; expected step, summary, peak or end", command);
    if (command == "step") answer = bench.step();
    if (command == "summary") answer = bench.summary();
    if (command == "peak") answer = bench.peak();
    TUTTI_TRY(answer.status());
    if (bench.ranks().leads()) print(*answer);
  }
}

Status run_steps(StepBench& bench, int64_t steps) {
  for (int64_t s = 0; s < steps; ++s) {
    TUTTI_ASSIGN(const Json line, bench.step());
    if (bench.ranks().leads()) print(line);
  }
  TUTTI_ASSIGN(const Json summary, bench.summary());
  if (bench.ranks().leads()) print(summary);
  return {};
}

Status run_rank(const Flags& flags, World* world) {
  const auto clock = make_system_clock();
  TUTTI_ASSIGN(const auto bench, StepBench::create(flags, *clock, world));
  const bool leads = bench->ranks().leads();
  if (leads) print(bench->description());
  TUTTI_TRY(flags.from_stdin ? obey(*bench) : run_steps(*bench, flags.steps));
  if (flags.profile && leads) std::cerr << bench->profile_text();
  return flags.trace.empty() ? Status() : bench->write_trace(flags.trace);
}

Status run(const Flags& flags) {
  std::unique_ptr<World> world;
  if (started_by_mpi()) {
    TUTTI_ASSIGN(world, make_mpi_world({.timeout_s = kTimeout_s}));
  }
  const Status status = run_rank(flags, world.get());
  if (!status.ok() && world != nullptr) world->abort(status);
  return status;
}

}  // namespace
}  // namespace tutti

int main(int argc, char** argv) {
  tutti::Flags flags;
  tutti::CommandLine app("Time training steps on random tokens.", "step_bench");
  app.add_option("--preset", flags.preset, "A model preset")->capture_default_str();
  app.add_option("--batch", flags.batch, "Samples a step of a data rank")->range(1, INT64_MAX);
  app.add_option("--pp", flags.parallel.pp, "Ranks of that axis of the mesh")->range(1, 4096);
  app.add_option("--dp", flags.parallel.dp)->range(1, 4096);
  app.add_option("--schedule", flags.schedule, "As parallel.schedule");
  app.add_option("--schedule-file", flags.parallel.schedule_file, "As parallel.schedule_file");
  app.add_option("--stages", flags.parallel.stages, "As parallel.stages");
  app.add_option("--recompute", flags.recompute, "As parallel.recompute");
  app.add_option("--stash-mib", flags.stash_mib, "As parallel.stash_mib")->range(0, INT64_MAX);
  app.add_option("--shard", flags.parallel.shard)->range(1, 4096);
  app.add_option("--cp", flags.parallel.cp)->range(1, 4096);
  app.add_option("--tp", flags.parallel.tp)->range(1, 4096);
  app.add_option("--zero", flags.parallel.zero, "ZeRO's stage")->range(0, 3);
  app.add_option("--prefetch", flags.parallel.prefetch, "Blocks that gathers run ahead")
      ->range(0, 4096)
      ->capture_default_str();
  app.add_flag("--keep-gathered", flags.keep_gathered,
               "With --zero 3: backward does not gather parameters again");
  app.add_option("--micro-batch", flags.micro_batch, "Samples at once; 0: the batch")
      ->range(0, INT64_MAX);
  app.add_option("--seq", flags.seq, "Tokens a sample")->range(1, INT64_MAX);
  app.add_option("--threads", flags.threads)->range(1, 1024)->capture_default_str();
  app.add_option("--steps", flags.steps)->range(1, INT64_MAX)->capture_default_str();
  app.add_flag("--profile", flags.profile, "Print where the time goes, on standard error");
  app.add_option("--trace", flags.trace, "Write every rank's spans there, for ui.perfetto.dev");
  app.add_flag("--stdin", flags.from_stdin, "Run what standard input says");
  if (const auto status = app.parse(argc, argv)) return *status;
  const tutti::Status status = tutti::run(flags);
  if (status.ok()) return 0;
  std::cerr << "step_bench: error: " << status.message() << "\n";
  return 1;
}
