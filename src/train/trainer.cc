#include "train/trainer.h"

#include <cmath>
#include <limits>

#include "base/log.h"
#include "base/median.h"
#include "telemetry/trace.h"
#include "tensor/available_memory.h"
#include "train/evaluate.h"
#include "train/step_inputs.h"

namespace tutti {
namespace {

constexpr int64_t kSkippedInARowMax = 10;
constexpr size_t kPaceWindow = 100;  // steps
// Measuring the machine takes a second, so it follows only a run that took many.
constexpr double kMeasureAfterSeconds = 20;

void push_recent(std::deque<double>& recent, double value) {
  recent.push_back(value);
  if (recent.size() > kPaceWindow) recent.pop_front();
}

double median_or(const std::deque<double>& values, double otherwise) {
  return values.empty() ? otherwise : median({values.begin(), values.end()});
}

// Measures this machine and keeps the result for the next run.
std::optional<MachinePeaks> measure_peaks(FileSystem& fs, Clock& clock, int threads) {
  const Result<MachinePeaks> peaks = measure_machine(clock, threads);
  if (!peaks.ok()) {
    log_warning("this machine's peaks were not measured: {}", peaks.message());
    return std::nullopt;
  }
  const Result<std::string> path = calibration_path();
  const Status kept = path.ok() ? write_calibration(fs, *path, *peaks) : path.status();
  if (!kept.ok()) log_warning("the machine's measurement was not kept: {}", kept.message());
  return *peaks;
}

}  // namespace

Result<std::unique_ptr<Trainer>> Trainer::create(FileSystem& fs, Clock& clock, Config config,
                                                 TrainOptions options) {
  TUTTI_ASSIGN(PreparedRun run, prepare_run(fs, clock, std::move(config), options));
  return std::unique_ptr<Trainer>(new Trainer(fs, clock, std::move(run), std::move(options)));
}

Trainer::Trainer(FileSystem& fs, Clock& clock, PreparedRun run, TrainOptions options)
    : fs_(fs), clock_(clock), run_(std::move(run)), options_(std::move(options)) {
  so_far_.loss = std::numeric_limits<double>::quiet_NaN();
}

Result<StepReport> Trainer::run_step() {
  const Config& config = run_.config;
  TrainerState& state = run_.state;
  Executor& executor = *run_.executor;
  const double start = clock_.monotonic_s();
  const int64_t consumed = state.step * config.train.global_batch;

  StepReport report;
  report.steps = config.train.steps;
  report.epoch = run_.data.train.epoch(consumed);
  StepRecord& record = report.record;
  record.step = state.step + 1;
  record.lr = learning_rate(config.lr_schedule(), state.step);
  fill_samples(
      executor, kTrainProgram, config.train.seq_len, run_.seq_order,
      [&](int64_t n, auto tokens, auto labels, auto positions, auto segments) {
        run_.data.train.fill(n, tokens, labels, positions, segments);
      },
      consumed);
  set_scalars(executor, kTrainProgram, config.optim,
              {.step = record.step, .updates = state.step - state.skipped + 1, .lr = record.lr});
  executor.set_step(record.step);
  if (options_.profile) {
    executor.set_profile(&profile_);
    profile_.step();
  }
  const CopiedBytes before = executor.copied();
  TUTTI_TRY(executor.run(kTrainProgram));
  const CopiedBytes after = executor.copied();
  so_far_.copied = {after.in - before.in, after.out - before.out};
  executor.set_profile(nullptr);

  record.loss = *executor.operand(kTrainProgram, "loss").as<float>();
  record.grad_norm = *executor.operand(kTrainProgram, "grad_norm").as<float>();
  record.skipped = *executor.operand(kTrainProgram, "skip").as<float>() != 0;
  record.step_time_s = clock_.monotonic_s() - start;
  return report;
}

// Takes the step into the run's state, and what follows from both into the report.
void Trainer::note_step(StepReport& report) {
  TrainerState& state = run_.state;
  StepRecord& record = report.record;
  const auto tokens = static_cast<double>(run_.config.tokens_per_step());
  state.step = record.step;
  state.skipped += record.skipped ? 1 : 0;
  state.skipped_in_a_row = record.skipped ? state.skipped_in_a_row + 1 : 0;
  record.tokens = record.step * run_.config.tokens_per_step();
  record.tokens_per_s = tokens / record.step_time_s;
  if (run_.plan.peaks) {
    record.mfu =
        run_.plan.rank_flops_per_step / record.step_time_s / run_.plan.peaks->matrix_flops_per_s;
  }
  record.memory_bytes = resident_bytes();
  record.wall_s = clock_.wall_s();
  record.loss_z = state.losses.score(record.loss);
  report.grad_norm_z = state.grad_norms.score(record.grad_norm);
  state.losses.push(record.loss);
  state.grad_norms.push(record.grad_norm);

  so_far_.loss = record.loss;
  so_far_.steps_run += 1;
  so_far_.tokens += run_.config.tokens_per_step();
  so_far_.training_s += record.step_time_s;
  push_recent(step_seconds_, record.step_time_s);
}

Status Trainer::evaluate_if_due(StepRecord& record) {
  const TrainSection& train = run_.config.train;
  if (!run_.data.validation) return {};
  if (record.step % train.eval_every != 0 && record.step != train.steps) return {};
  TUTTI_ASSIGN(const auto result,
               evaluate(*run_.executor, kEvaluateProgram, run_.ranks, *run_.data.validation,
                        {.batches = train.eval_batches,
                         .seq_order = run_.seq_order,
                         .stop_requested = options_.stop_requested}));
  if (!result) return {};
  if (result->tokens == 0) {
    log_warning("data.validation: no token of {} batches is learned: no val_loss", result->batches);
    return {};
  }
  record.val_loss = so_far_.validation_loss = result->loss;
  return {};
}

Status Trainer::check_finite() const {
  if (run_.state.skipped_in_a_row < kSkippedInARowMax) return {};
  return invalid(
      "the gradient was not finite in {} steps in a row, up to step {}; the parameters are those "
      "of "
      "step {}. A lower optim.lr or more optim.warmup_steps may help",
      kSkippedInARowMax, run_.state.step, run_.state.step - run_.state.skipped_in_a_row);
}

// The log comes first: a step up to the checkpoint must not be missing from it.
Result<Snapshot> Trainer::take_snapshot() {
  if (run_.log) TUTTI_TRY(run_.log->sync());
  Snapshot snapshot;
  snapshot.state.step = run_.state.step;
  snapshot.state.data_position = run_.state.step * run_.config.train.global_batch;
  snapshot.state.trainer = trainer_to_json(run_.state, run_.identity);
  snapshot.tensors = snapshot_tensors(run_.tensors);
  return snapshot;
}

Result<TrainSummary> Trainer::run(TrainObserver& observer) {
  const int64_t steps = run_.config.train.steps;
  double loop_start = clock_.monotonic_s();
  for (bool last = run_.state.step >= steps; !last;) {
    TUTTI_ASSIGN(StepReport report, run_step());
    note_step(report);
    TUTTI_TRY(evaluate_if_due(report.record));
    if (run_.log) TUTTI_TRY(run_.log->append(report.record));
    const double pace = median_or(loop_seconds_, report.record.step_time_s);
    report.remaining_s = pace * static_cast<double>(steps - run_.state.step);
    observer.stepped(report);
    TUTTI_TRY(check_finite());
    if (so_far_.steps_run == 1) run_.checkpoints->prefault();
    TUTTI_ASSIGN(const bool stops, run_.ranks.any(stop_requested()));
    so_far_.stopped = run_.state.step < steps && stops;
    last = run_.state.step >= steps || so_far_.stopped;
    TUTTI_TRY(
        run_.checkpoints->after_step(run_.state.step, last, [this] { return take_snapshot(); }));
    push_recent(loop_seconds_, clock_.monotonic_s() - loop_start);
    loop_start = clock_.monotonic_s();
  }
  if (run_.log) TUTTI_TRY(run_.log->sync());
  TUTTI_TRY(write_trace());
  return summary();
}

Status Trainer::write_trace() {
  if (run_.spans == nullptr) return {};
  if (run_.spans->dropped() > 0) {
    log_warning("the trace lacks the last {} spans of rank {}", run_.spans->dropped(),
                run_.ranks.rank());
  }
  TUTTI_ASSIGN(const auto events,
               run_.ranks.to_leader(trace_events(run_.ranks.rank(), *run_.spans)));
  if (!run_.ranks.leads()) return {};
  return write_file_atomic(fs_, options_.trace, trace_json(events));
}

TrainSummary Trainer::summary() {
  TrainSummary summary = so_far_;
  summary.step = run_.state.step;
  summary.skipped = run_.state.skipped;
  summary.step_s_median = median_or(step_seconds_, 0);
  summary.planned_bytes = run_.plan.arena_bytes;
  summary.planned_copies = run_.plan.copied;
  summary.allocated_bytes = run_.executor->allocated_bytes();
  const int64_t saved = run_.checkpoints->saved_step();
  if (saved > 0) summary.checkpoint = join_path(run_.config.run.dir, checkpoint_name(saved));
  compare_with_peaks(summary);
  return summary;
}

void Trainer::compare_with_peaks(TrainSummary& summary) {
  std::optional<MachinePeaks> peaks = run_.plan.peaks;
  // Ranks that measured at the same time would measure each other.
  if (!peaks && run_.ranks.leads() && summary.training_s >= kMeasureAfterSeconds) {
    peaks = measure_peaks(fs_, clock_, run_.plan.threads);
  }
  if (peaks && summary.step_s_median > 0) {
    const OpTable ops;
    summary.peak_fraction =
        run_.plan.rank_flops_per_step / summary.step_s_median / peaks->matrix_flops_per_s;
    summary.predicted_step_s =
        roofline_seconds(ops, run_.executor->program(kTrainProgram), peaks->matrix_flops_per_s,
                         peaks->memory_bytes_per_s);
  }
  if (!options_.profile) return;
  summary.profile = format_profile(profile_, peaks ? peaks->matrix_flops_per_s : 0,
                                   peaks ? peaks->memory_bytes_per_s : 0);
}

}  // namespace tutti
