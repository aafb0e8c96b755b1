// Times training steps of a preset on random tokens. Each step prints one line of JSON as it ends,
// so that a driver can watch, or, with --stdin, say when the next one starts: bench/vs_pytorch
// alternates single steps of this program with PyTorch's.
//
//   step_bench --preset gpt2-124m --batch 4 --seq 256 --threads 2 --steps 8 [--profile]
//
// Commands of --stdin, one a line: "step"; "summary"; "peak" (measures the matrix product); "end".
#include <time.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "command_line.h"
#include "execute/executor.h"
#include "execute/initialise.h"
#include "execute/machine.h"
#include "execute/program_set.h"
#include "models/presets.h"
#include "program/report.h"

namespace tutti {
namespace {

struct Flags {
  std::string preset = "gpt2-124m";
  int64_t batch = 4;
  int64_t micro_batch = 0;  // 0: all of the batch at once
  int64_t seq = 256;
  int64_t steps = 8;
  int threads = 1;
  bool profile = false;
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

class StepBench {
 public:
  static Result<std::unique_ptr<StepBench>> create(const Flags& flags, Clock& clock);

  Json description() const;
  Json step();
  Result<Json> peak();
  Json summary() const;
  std::string profile_text() const { return format_profile(profile_, 0, 0); }

 private:
  StepBench(const Flags& flags, Clock& clock) : flags_(flags), clock_(clock) {}
  void fill_tokens();
  void set_scalar(std::string_view name, double value) {
    *executor_->operand(0, name).as<float>() = static_cast<float>(value);
  }

  Flags flags_;
  Clock& clock_;
  ModelConfig model_;
  int microbatches_ = 1;
  std::unique_ptr<Executor> executor_;
  Profile profile_;
  double compile_s_ = 0, setup_s_ = 0, first_step_s_ = 0, step_flops_ = 0;
  int64_t planned_bytes_ = 0;
  int64_t steps_ = 0;
};

Result<std::unique_ptr<StepBench>> StepBench::create(const Flags& flags, Clock& clock) {
  const ModelPreset* preset = find_model_preset(flags.preset);
  if (preset == nullptr) return not_found("no preset '{}'", flags.preset);
  std::unique_ptr<StepBench> bench(new StepBench(flags, clock));
  bench->model_ = preset->config;
  const int64_t micro_batch = flags.micro_batch == 0 ? flags.batch : flags.micro_batch;
  if (micro_batch < 1 || flags.batch % micro_batch != 0) {
    return invalid("--batch {} is not a multiple of --micro-batch {}", flags.batch, micro_batch);
  }
  bench->microbatches_ = static_cast<int>(flags.batch / micro_batch);

  const OpTable ops;
  const cpu::Kernels& kernels = cpu::default_kernels();
  std::unique_ptr<Backend> backend = make_cpu_backend(kernels, flags.threads);
  BuildOptions build;
  build.seq = flags.seq;
  TUTTI_ASSIGN(StepGraph step, build_train_step(ops, bench->model_, build, OptimizerOptions{}));
  Plan plan;
  plan.micro_batch = micro_batch;
  plan.microbatches = bench->microbatches_;
  const Schedule schedule = sequential_schedule(bench->microbatches_);
  TUTTI_ASSIGN(CompiledStep compiled,
               compile_step(std::move(step), plan, schedule, ops, *backend, {}, nullptr));
  bench->compile_s_ = compiled.compile_seconds;
  bench->planned_bytes_ = memory_report(compiled.program).total();
  bench->step_flops_ = step_flops(ops, compiled.program);
  std::vector<Program> programs;
  programs.push_back(std::move(compiled.program));
  TUTTI_ASSIGN(bench->executor_, Executor::create(std::move(programs), std::move(backend)));
  initialise_parameters(*bench->executor_, 0, compiled.step, 1, kernels, flags.threads);
  if (flags.profile) bench->executor_->set_profile(&bench->profile_);
  bench->setup_s_ = process_age_s();
  return bench;
}

Json StepBench::description() const {
  return {{"preset", flags_.preset},
          {"batch", flags_.batch},
          {"seq", flags_.seq},
          {"threads", flags_.threads},
          {"kernels", cpu::default_kernels().name},
          {"matrix_library", this_machine(flags_.threads).matrix_library},
          {"compile_s", compile_s_},
          {"planned_bytes", planned_bytes_},
          {"allocated_bytes", executor_->allocated_bytes()},
          {"step_flops", step_flops_}};
}

void StepBench::fill_tokens() {
  auto* all_labels = executor_->operand(0, "all_labels").as<int32_t>();
  const RngKey key = rng_key(1, static_cast<uint64_t>(steps_), stable_hash("tokens"));
  const auto vocab = static_cast<uint32_t>(model_.vocab);
  uint64_t next = 0;
  for (int m = 0; m < microbatches_; ++m) {
    const Operand tokens = executor_->operand(0, "tokens", m);
    auto* labels = executor_->operand(0, "labels", m).as<int32_t>();
    auto* positions = executor_->operand(0, "positions", m).as<int32_t>();
    for (int64_t i = 0; i < tokens.count(); ++i) {
      const auto words = philox(key, next++);
      tokens.as<int32_t>()[i] = static_cast<int32_t>(words[0] % vocab);
      *all_labels++ = labels[i] = static_cast<int32_t>(words[1] % vocab);
      positions[i] = static_cast<int32_t>(i % flags_.seq);
    }
  }
}

Json StepBench::step() {
  fill_tokens();
  const OptimizerOptions optimizer;
  const auto update = static_cast<double>(++steps_);
  set_scalar("lr", 1e-4);
  set_scalar("bias_correction1", 1 - std::pow(optimizer.beta1, update));
  set_scalar("bias_correction2", 1 - std::pow(optimizer.beta2, update));
  const double start_s = clock_.monotonic_s();
  const Status status = executor_->run(0);
  TUTTI_CHECK(status.ok(), "{}", status.message());
  const double seconds = clock_.monotonic_s() - start_s;
  profile_.step();
  if (steps_ == 1) first_step_s_ = seconds;
  return {{"step", steps_},
          {"seconds", seconds},
          {"loss", *executor_->operand(0, "loss").as<float>()},
          {"peak_resident_bytes", peak_resident_bytes()}};
}

Result<Json> StepBench::peak() {
  // Its arrays come on top of the step's memory: what the summary says must be read before.
  TUTTI_ASSIGN(const MachinePeaks peaks, measure_machine(clock_, flags_.threads, 2.0));
  return Json{{"matrix_flops_per_s", peaks.matrix_flops_per_s},
              {"memory_bytes_per_s", peaks.memory_bytes_per_s}};
}

Json StepBench::summary() const {
  return {{"steps", steps_},
          {"peak_resident_bytes", peak_resident_bytes()},
          {"planned_bytes", planned_bytes_},
          {"allocated_bytes", executor_->allocated_bytes()},
          {"compile_s", compile_s_},
          {"setup_s", setup_s_},
          // Without what a driver waited between the two.
          {"start_to_first_step_s", setup_s_ + first_step_s_}};
}

void print(const Json& object) { std::cout << object.dump() << std::endl; }

Status obey(StepBench& bench) {
  for (std::string line; std::getline(std::cin, line) && line != "end";) {
    if (line == "step") {
      print(bench.step());
    } else if (line == "summary") {
      print(bench.summary());
    } else if (line == "peak") {
      TUTTI_ASSIGN(const Json peak, bench.peak());
      print(peak);
    } else {
      return invalid("'{}' is not a command; expected step, summary, peak or end", line);
    }
  }
  return {};
}

Status run(const Flags& flags) {
  const auto clock = make_system_clock();
  TUTTI_ASSIGN(const auto bench, StepBench::create(flags, *clock));
  print(bench->description());
  if (flags.from_stdin) {
    TUTTI_TRY(obey(*bench));
  } else {
    for (int64_t s = 0; s < flags.steps; ++s) print(bench->step());
    print(bench->summary());
  }
  if (flags.profile) std::cerr << bench->profile_text();
  return {};
}

}  // namespace
}  // namespace tutti

int main(int argc, char** argv) {
  tutti::Flags flags;
  tutti::CommandLine app("Time training steps on random tokens.", "step_bench");
  app.add_option("--preset", flags.preset, "A model preset")->capture_default_str();
  app.add_option("--batch", flags.batch, "Samples a step")->range(1, INT64_MAX);
  app.add_option("--micro-batch", flags.micro_batch, "Samples at once; 0: the batch")
      ->range(0, INT64_MAX);
  app.add_option("--seq", flags.seq, "Tokens a sample")->range(1, INT64_MAX);
  app.add_option("--threads", flags.threads)->range(1, 1024)->capture_default_str();
  app.add_option("--steps", flags.steps)->range(1, INT64_MAX)->capture_default_str();
  app.add_flag("--profile", flags.profile, "Print where the time goes, on standard error");
  app.add_flag("--stdin", flags.from_stdin, "Run what standard input says");
  if (const auto status = app.parse(argc, argv)) return *status;
  const tutti::Status status = tutti::run(flags);
  if (status.ok()) return 0;
  std::cerr << "step_bench: error: " << status.message() << "\n";
  return 1;
}
