// tutti train: trains a model as a config says, or goes on with a run that stopped.
#include <csignal>

#include "base/format.h"
#include "base/signal.h"
#include "comm/mpi_environment.h"
#include "command_line.h"
#include "launch.h"
#include "output.h"
#include "train/layout.h"
#include "train/trainer.h"
#include "train_progress.h"
#include "verbs.h"

namespace tutti {
namespace {

constexpr int kExitSignal = 128;  // plus the signal's number, as shells count

struct TrainFlags {
  std::string config;
  std::vector<std::string> overrides;
  std::string trace;
  int32_t ranks = 0;  // 0: as many as the config's axes ask for
  bool resume = false, profile = false, json = false;
};

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json memory_json(const RunPlan& plan, const TrainSummary& summary) {
  const MemoryReport& memory = plan.memory;
  return {{"parameters_bytes", memory.parameters},
          {"gradients_bytes", memory.gradients},
          {"optimizer_bytes", memory.optimizer},
          {"stash_bytes", memory.stash},
          {"scratch_bytes", memory.scratch},
          {"io_bytes", memory.io + memory.kept},
          {"planned_bytes", summary.planned_bytes},
          {"allocated_bytes", summary.allocated_bytes},
          {"staging_bytes", plan.staging_bytes},
          {"peak_resident_bytes", peak_resident_bytes()},
          {"offloaded_bytes", plan.offloaded_bytes},
          {"planned_fetched_bytes_per_step", summary.planned_copies.in},
          {"planned_stored_bytes_per_step", summary.planned_copies.out},
          {"fetched_bytes_per_step", summary.copied.in},
          {"stored_bytes_per_step", summary.copied.out}};
}

Json summary_json(const RunPlan& plan, const TrainSummary& summary) {
  const double tokens_per_s =
      summary.training_s > 0 ? static_cast<double>(summary.tokens) / summary.training_s : 0;
  return {{"run_dir", plan.config.run.dir},
          {"step", summary.step},
          {"steps", plan.config.train.steps},
          {"resumed_step", plan.resumed_step},
          {"stopped", summary.stopped},
          {"loss", summary.loss},
          {"validation_loss", or_null(summary.validation_loss)},
          {"skipped_steps", summary.skipped},
          {"tokens", summary.tokens},
          {"training_s", summary.training_s},
          {"tokens_per_s", tokens_per_s},
          {"step_s_median", summary.step_s_median},
          {"step_s_predicted", or_null(summary.predicted_step_s)},
          {"peak_fraction", or_null(summary.peak_fraction)},
          {"parameters", plan.parameters},
          {"flops_per_step", plan.flops_per_step},
          {"threads", plan.threads},
          {"kernels", plan.kernels},
          {"memory", memory_json(plan, summary)},
          {"checkpoint", summary.checkpoint},
          {"profile", summary.profile}};
}

std::string time_text(const TrainSummary& summary) {
  std::string text = fmt::format("{} a step", human_duration(summary.step_s_median));
  if (summary.predicted_step_s) {
    text += fmt::format(", predicted at least {} ({:.2f} times that)",
                        human_duration(*summary.predicted_step_s),
                        summary.step_s_median / *summary.predicted_step_s);
  }
  if (summary.peak_fraction) {
    text += fmt::format(", {:.0f} % of the matrix peak", 100 * *summary.peak_fraction);
  }
  return text;
}

std::string summary_text(const RunPlan& plan, const TrainSummary& summary) {
  if (summary.steps_run == 0) {
    return fmt::format("nothing to do: all {} steps of {} are done; raise train.steps to go on\n",
                       summary.step, plan.config.run.dir);
  }
  std::string text =
      fmt::format("{} after step {} of {}, loss {:.4f}", summary.stopped ? "stopped" : "done",
                  summary.step, plan.config.train.steps, summary.loss);
  if (summary.validation_loss) {
    text += fmt::format(", validation loss {:.4f}", *summary.validation_loss);
  }
  if (summary.skipped > 0) text += fmt::format(", {} steps skipped", summary.skipped);
  text += fmt::format(
      "\ntime        {}\nmemory      {} bytes planned, {} allocated; {} resident at most\n",
      time_text(summary), summary.planned_bytes, summary.allocated_bytes,
      human_bytes(peak_resident_bytes()));
  if (plan.offloaded_bytes > 0) {
    text += fmt::format("offloaded   {} bytes planned to move in a step, {} moved\n",
                        summary.planned_copies.in + summary.planned_copies.out,
                        summary.copied.in + summary.copied.out);
  }
  text += fmt::format("checkpoint  {}\n", summary.checkpoint);
  if (summary.stopped) text += "            go on with --resume\n";
  return text;
}

// Prints nothing: of ranks that do not lead.
class Silence : public TrainObserver {
 public:
  void stepped(const StepReport&) override {}
};

Result<TrainSummary> train_observed(Trainer& trainer) {
  if (!trainer.leads()) {
    Silence silence;
    return trainer.run(silence);
  }
  TrainProgress progress(trainer.plan().config.log.every);
  return trainer.run(progress);
}

// How many ranks a run has: those of the job that started this process, those asked for, or those
// that the config's axes ask for.
Result<int> rank_count(const TrainFlags& flags, const Config& config, int job_ranks) {
  if (job_ranks > 0 && flags.ranks > 0 && flags.ranks != job_ranks) {
    return invalid("--ranks {}, but the job that started this process has {}", flags.ranks,
                   job_ranks);
  }
  if (job_ranks > 0) return job_ranks;
  return flags.ranks > 0 ? flags.ranks : static_cast<int>(config.world_size());
}

Result<int> train_rank(FileSystem& fs, Clock& clock, const TrainFlags& flags, const Config& config,
                       const StopSignal& stop, const RankSeat& seat) {
  TrainOptions options;
  options.resume = flags.resume;
  options.profile = flags.profile;
  options.world = seat.world;
  options.ranks_on_host = seat.on_host;
  options.trace = flags.trace;
  options.stop_requested = [&stop] { return stop.requested(); };
  TUTTI_ASSIGN(const auto trainer, Trainer::create(fs, clock, config, options));
  if (trainer->leads()) fmt::print(stderr, "{}", format_run_plan(trainer->plan()));
  TUTTI_ASSIGN(const TrainSummary summary, train_observed(*trainer));
  if (!trainer->leads()) return kExitOk;
  fmt::print(stderr, "{}", summary_text(trainer->plan(), summary));
  const int printed = flags.json      ? print_json("train", summary_json(trainer->plan(), summary))
                      : flags.profile ? print_text("train", summary.profile)
                                      : kExitOk;
  // The signal may have come to another rank alone.
  const int signal = stop.requested() ? stop.caught() : SIGTERM;
  return printed == kExitOk && summary.stopped ? kExitSignal + signal : printed;
}

// The config of a run, laid out on its ranks.
Result<Config> full_config(FileSystem& fs, const TrainFlags& flags, const Result<Config>& config,
                           int job_ranks) {
  if (!config.ok()) return config.error();
  TUTTI_ASSIGN(const int ranks, rank_count(flags, *config, job_ranks));
  return lay_out(fs, flags.config, flags.overrides, *config, ranks);
}

// The exit status; what all ranks of a job would say is said by one.
int train(FileSystem& fs, Clock& clock, const TrainFlags& flags) {
  const Result<Config> config = load_config(fs, flags.config, flags.overrides);
  const StopSignal stop;
  WorldOptions options;
  if (config.ok()) {
    options.timeout_s = config->parallel.timeout_s;
    options.check_calls = config->parallel.check_calls;
  }
  Result<Launch> launch = Launch::create(options, clock);
  if (!launch.ok()) return print_error("train", launch.error());
  const Result<Config> full = full_config(fs, flags, config, launch->job_ranks());
  const Result<bool> ready = launch->all_ready(full.ok());
  if (!ready.ok()) return print_error("train", ready.error());
  if (!full.ok() && launch->speaks()) return print_error("train", full.error());
  if (!*ready) return kExitFailed;
  const Result<int> exit = launch->run(
      static_cast<int>(full->world_size()),
      [&](const RankSeat& seat) { return train_rank(fs, clock, flags, *full, stop, seat); });
  return exit.ok() ? *exit : print_error("train", exit.error());
}

}  // namespace

int run_train(int argc, char** argv) {
  CommandLine app("Train a model as CONFIG.toml says, or go on with a run that stopped.",
                  "tutti train");
  TrainFlags flags;
  app.add_option("CONFIG", flags.config, "The run's config (see tutti explain)")->required();
  app.add_option("KEY=VALUE", flags.overrides, "Keys to set in place of the config's");
  app.add_option("--ranks", flags.ranks,
                 "Ranks to train on, as threads of this process; without axes in the config they "
                 "share optimizer state (parallel.shard, zero = 1)")
      ->range(1, 4096);
  app.add_flag("--resume", flags.resume,
               "Go on from the newest valid checkpoint of run.dir, bit for bit");
  app.add_flag("--profile", flags.profile, "Time every kernel and print a table at the end");
  app.add_option("--trace", flags.trace,
                 "Write what every rank and lane did when to this file, for ui.perfetto.dev");
  app.add_flag("--json", flags.json, "Print one JSON object at the end");
  app.footer(
      "Ctrl-C or SIGTERM ends the run after the step under way, with a checkpoint; the exit status "
      "is\nthen 130 or 143. A second Ctrl-C ends it at once.\n\n"
      "Examples:\n"
      "  tutti train configs/quickstart.toml\n"
      "  tutti train configs/gpt2-124m.toml train.steps=100 optim.warmup_steps=10 "
      "run.dir=runs/trial\n"
      "  tutti train configs/quickstart.toml --ranks 2\n"
      "  tutti train configs/quickstart.toml train.steps=900 --resume");
  if (const auto status = app.parse(argc, argv, mpi_rank().value_or(0) == 0)) return *status;
  const auto fs = make_posix_file_system();
  const auto clock = make_system_clock();
  return train(*fs, *clock, flags);
}

}  // namespace tutti
