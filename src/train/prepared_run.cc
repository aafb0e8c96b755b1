#include "train/prepared_run.h"

#include <omp.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <thread>

#include "base/host_name.h"
#include "base/log.h"
#include "execute/initialise.h"
#include "execute/matrix_product.h"
#include "kernels/cpu/kernels.h"
#include "train/check_runnable.h"
#include "train/layout.h"
#include "train/resume_check.h"
#include "train/run_start.h"
#include "train/trainer.h"

namespace tutti {
namespace {

constexpr size_t kSpansMax = size_t{1} << 20;  // that a trace holds of a rank

struct Resumption {
  Checkpoint checkpoint;
  TrainerState state;
};

// The leader finds the checkpoint and reads all of it; the others open the same one.
Result<std::optional<Checkpoint>> agreed_start(FileSystem& fs, const std::string& run_dir,
                                               bool resume, Ranks& ranks) {
  std::optional<Checkpoint> checkpoint;
  if (ranks.leads()) {
    TUTTI_ASSIGN(checkpoint, find_start(fs, run_dir, resume));
  }
  TUTTI_ASSIGN(const std::string path,
               ranks.from_leader(checkpoint ? checkpoint->directory() : std::string()));
  if (ranks.leads() || path.empty()) return checkpoint;
  TUTTI_ASSIGN(checkpoint, Checkpoint::open(fs, path));
  return checkpoint;
}

// Where the run begins, checked against what it was: `identity` is that of the run now.
Result<std::optional<Resumption>> find_resumption(FileSystem& fs, bool resume, Ranks& ranks,
                                                  const RunIdentity& identity, Config& config) {
  TUTTI_ASSIGN(std::optional<Checkpoint> checkpoint,
               agreed_start(fs, config.run.dir, resume, ranks));
  if (!checkpoint) return std::optional<Resumption>();
  const Manifest& manifest = checkpoint->manifest();
  TUTTI_ASSIGN(const RunIdentity before, identity_from_manifest(manifest));
  TUTTI_ASSIGN(TrainerState state, state_from_manifest(manifest));
  const std::string source = checkpoint->directory() + ": trainer.config";
  TUTTI_ASSIGN(const Config saved, parse_config(before.config, source, {}));
  TUTTI_TRY(check_resume(saved, state.step, config));
  if (manifest.data_position != state.step * config.train.global_batch) {
    return corrupt("{}: {} samples consumed in {} steps of {}", checkpoint->directory(),
                   manifest.data_position, state.step, config.train.global_batch);
  }
  if (before.data_fingerprint != identity.data_fingerprint) {
    const bool mixed = !config.data.mixture.empty();
    return invalid(
        "{} \"{}\" {} than the run to resume was trained on",
        mixed ? "data.mixture: the sets from" : "data.train =", config.data.sets().front().path,
        mixed ? "on hold other tokens, or have other shares," : "holds other tokens");
  }
  if (before.arithmetic != identity.arithmetic) {
    log_warning("the run was made with {}, and goes on with {}: results agree to rounding only",
                before.arithmetic, identity.arithmetic);
  }
  return std::optional<Resumption>({std::move(*checkpoint), std::move(state)});
}

// Cores that a launcher has bound this rank to are its own; else the ranks of a machine share them.
int threads_of_rank(const Config& config, int ranks_on_host) {
  if (config.train.threads > 0) return static_cast<int>(config.train.threads);
  const bool bound = omp_get_num_procs() < static_cast<int>(std::thread::hardware_concurrency());
  return bound ? omp_get_num_procs() : std::max(1, omp_get_num_procs() / ranks_on_host);
}

// The first line in which this rank's config is not the leader's is an error.
Status check_same_config(const Config& config, Ranks& ranks) {
  const std::string own = format_config(config);
  TUTTI_ASSIGN(const std::string leaders, ranks.from_leader(own));
  if (own == leaders) return {};
  std::istringstream here(own), there(leaders);
  std::string line, expected;
  while (std::getline(here, line) && std::getline(there, expected) && line == expected) {
  }
  return invalid("rank {} has another config than rank 0: {}, there {}", ranks.rank(), line,
                 expected);
}

Status check_same_data(const RunIdentity& identity, Ranks& ranks) {
  TUTTI_ASSIGN(const std::string leaders, ranks.from_leader(identity.data_fingerprint));
  if (identity.data_fingerprint == leaders) return {};
  return invalid("rank {} finds other tokens at the paths of the data than rank 0", ranks.rank());
}

// All but the config, which a resumption may add to.
RunIdentity identity_of(const RunData& data, int threads) {
  RunIdentity identity;
  identity.data_fingerprint = data_fingerprint(data.train);
  identity.arithmetic = fmt::format("{} kernels, {}, {} threads", cpu::default_kernels().name,
                                    matrix_product_library(), threads);
  const std::vector<TokenDataset>& sets = data.train.sets();
  identity.chat = std::ranges::any_of(sets, [](const TokenDataset& set) { return set.has_mask(); });
  return identity;
}

RunPlan describe_run(const Config& config, const Layout& layout, int rank, const RunData& data,
                     const RunPrograms& programs, const OpTable& ops,
                     std::optional<MachinePeaks> peaks, int threads) {
  RunPlan plan;
  plan.config = config;
  plan.stage = layout.plan.mesh.coordinate(rank, Axis::kPp);
  plan.data_tokens = data.train.tokens();
  plan.data_samples = data.train.samples();
  const int64_t consumed = config.train.steps * config.train.global_batch;
  const std::vector<MixtureEntry> entries = config.data.sets();
  const MixtureOrder& mixture = data.train.mixture();
  for (size_t i = 0; i < entries.size(); ++i) {
    plan.data_sets.push_back({entries[i].path,
                              static_cast<double>(mixture.shares()[i]) / mixture.block(),
                              data.train.epochs(i, consumed)});
  }
  plan.validation_tokens = data.validation ? data.validation->tokens() : 0;
  plan.threads = threads;
  plan.kernels = cpu::default_kernels().name;
  plan.matrix_library = matrix_product_library();
  plan.peaks = std::move(peaks);
  describe_programs(programs, layout, ops, plan);
  return plan;
}

// Where the file of what is offloaded goes. A run's directory is made once nothing is refused:
// until then the one that it will be in stands for it.
std::string offload_directory(FileSystem& fs, const Config& config) {
  if (!config.parallel.offload_dir.empty()) return config.parallel.offload_dir;
  std::string directory = config.run.dir;
  while (!exists(fs, directory) && directory != parent_path(directory)) {
    directory = parent_path(directory);
  }
  return directory;
}

Result<std::unique_ptr<OffloadStore>> make_offload_store(FileSystem& fs, const Config& config,
                                                         int64_t bytes) {
  if (config.parallel.offload_to == OffloadTo::kHost) return make_host_store(bytes);
  auto store = make_file_store(offload_directory(fs, config), bytes);
  if (store.ok()) return store;
  return Error{store.error().kind, "parallel.offload_dir: " + store.message()};
}

Result<std::unique_ptr<Executor>> make_executor(RunPrograms& programs, int stage,
                                                std::unique_ptr<Backend> backend,
                                                const RankOptions& options) {
  const auto own = static_cast<size_t>(stage);
  std::vector<Program> list;
  list.push_back(std::move(programs.train.stages[own]));
  if (programs.evaluate) list.push_back(std::move(programs.evaluate->stages[own]));
  return Executor::create(std::move(list), std::move(backend), options);
}

Status fill_parameters(const Config& config, const StepGraph& step, int threads,
                       std::optional<Resumption>& resumption,
                       const std::optional<SavedModel>& initial, Executor& executor,
                       const std::vector<ModelTensor>& tensors) {
  if (resumption) return load_tensors(resumption->checkpoint, tensors);
  TUTTI_TRY(initialise_parameters(executor, kTrainProgram, step,
                                  static_cast<uint64_t>(config.train.seed), cpu::default_kernels(),
                                  threads));
  if (!initial) return {};
  log_info("the parameters are those of {}", initial->tensors->directory());
  return load_tensors(*initial->tensors,
                      model_tensors(executor, kTrainProgram, step, TensorSet::kParameters));
}

// What ranks of this host take, which is taken to have ranks that follow each other, in equal
// groups.
int64_t sum_on_host(const std::vector<int64_t>& of_stage, const Ranks& ranks) {
  const int in_stage = ranks.size() / static_cast<int>(of_stage.size());
  const int first = ranks.rank() / ranks.on_host() * ranks.on_host();
  int64_t bytes = 0;
  for (int r = first; r < std::min(first + ranks.on_host(), ranks.size()); ++r) {
    bytes += of_stage[static_cast<size_t>(r / in_stage)];
  }
  return bytes;
}

// That a rank starts: of kernels, its lanes, and two for checkpoints.
int threads_of(const Program& program, int kernel_threads) {
  std::set<std::string> lanes;
  for (const Body& body : program.bodies) {
    for (const Instruction& i : body.instructions) {
      if (i.lane != LaneKind::kCompute) lanes.insert(i.lane_name());
    }
  }
  for (const Action& action : program.actions) {
    if (!action.stream.empty()) lanes.insert(action.stream);
  }
  return kernel_threads - 1 + static_cast<int>(lanes.size()) + 2;
}

// What this process takes, by its limits, and what all ranks on this host do. None has taken it
// yet.
Status check_memory_of(const RunPlan& plan, const Program& program, Ranks& ranks) {
  const bool in_one_process = ranks.world() != nullptr && ranks.world()->backend() == "threads";
  const Offload& offload = plan.layout.offload;
  const bool all = offload.parameters && offload.optimizer && offload.activations;
  const MemoryNeed host{sum_on_host(plan.stage_arena_bytes, ranks),
                        sum_on_host(plan.stage_host_bytes, ranks),
                        ranks.on_host() * plan.staging_bytes, ranks.on_host(), all};
  const MemoryNeed own{plan.arena_bytes, plan.stage_host_bytes[static_cast<size_t>(plan.stage)],
                       plan.staging_bytes, 1, all};
  const MemoryNeed& process = in_one_process ? host : own;
  const int threads = process.ranks * threads_of(program, plan.threads);
  TUTTI_TRY(check_memory(plan.memory, process, process_memory(process_reserve(threads))));
  TUTTI_TRY(check_memory(plan.memory, host, available_memory()));
  return ranks.barrier();
}

// A schedule that is read from a file must be the leader's.
Status check_same_schedule(const Schedule& schedule, Ranks& ranks) {
  const std::string own = print_schedule_csv(schedule);
  TUTTI_ASSIGN(const std::string leaders, ranks.from_leader(own));
  if (own == leaders) return {};
  return invalid("rank {} finds another schedule in parallel.schedule_file than rank 0",
                 ranks.rank());
}

}  // namespace

Result<PreparedRun> prepare_run(FileSystem& fs, Clock& clock, Config config,
                                const TrainOptions& options) {
  TUTTI_ASSIGN(Ranks ranks, Ranks::create(options.world, options.ranks_on_host));
  TUTTI_TRY(check_runnable(config));
  TUTTI_TRY(check_ranks(config, ranks.size()));
  TUTTI_TRY(check_same_config(config, ranks));
  const OpTable ops;
  TUTTI_ASSIGN(const Layout layout, layout_of(fs, config, ops));
  TUTTI_TRY(check_same_schedule(layout.schedule, ranks));
  TUTTI_ASSIGN(RunData data, open_run_data(fs, config));
  const int threads = threads_of_rank(config, ranks.on_host());
  RunIdentity identity = identity_of(data, threads);
  TUTTI_TRY(check_same_data(identity, ranks));
  std::unique_ptr<FileLock> lock;
  if (ranks.leads()) {
    TUTTI_ASSIGN(lock, lock_run(fs, config.run.dir));
  }
  TUTTI_ASSIGN(std::optional<Resumption> resumption,
               find_resumption(fs, options.resume, ranks, identity, config));
  identity.config = format_config(config);
  TUTTI_ASSIGN(const std::optional<SavedModel> initial,
               open_initial_model(fs, config, resumption.has_value()));
  const SavedModel* initial_model = initial ? &*initial : nullptr;
  TUTTI_ASSIGN(const std::string tokenizer, find_tokenizer(fs, config, initial_model));

  auto backend = make_cpu_backend(cpu::default_kernels(), threads);
  TUTTI_ASSIGN(RunPrograms programs, compile_run(config, layout, ops, *backend));
  RunPlan plan = describe_run(config, layout, ranks.rank(), data, programs, ops,
                              known_peaks(fs, threads), threads);
  TUTTI_ASSIGN(auto save_ranks, ranks.group_of_all("checkpoint"));
  const Offload& offload = layout.plan.offload;
  auto checkpoints = std::make_unique<CheckpointPolicy>(fs, config, save_ranks.get(),
                                                        !offload.parameters && !offload.optimizer);
  const int64_t saved_bytes =
      snapshot_bytes(programs.train.stages[static_cast<size_t>(plan.stage)], ranks.rank(),
                     programs.train.step, TensorSet::kParametersAndState);
  plan.staging_bytes = checkpoints->staging_bytes(saved_bytes);
  TUTTI_TRY(check_memory_of(plan, programs.train.stages[static_cast<size_t>(plan.stage)], ranks));

  auto spans = options.trace.empty() ? nullptr : std::make_unique<SpanRecorder>(clock, kSpansMax);
  TUTTI_ASSIGN(auto executor, make_executor(programs, plan.stage, std::move(backend),
                                            {options.world, spans.get(), [&](int64_t bytes) {
                                               return make_offload_store(fs, config, bytes);
                                             }}));
  const StepGraph& step = programs.train.step;
  auto tensors = model_tensors(*executor, kTrainProgram, step, TensorSet::kParametersAndState);
  TUTTI_TRY(checkpoints->reserve(saved_bytes));
  TUTTI_TRY(fill_parameters(config, step, threads, resumption, initial, *executor, tensors));

  TrainerState state = resumption ? std::move(resumption->state) : TrainerState();
  checkpoints->set_saved_step(state.step);
  plan.resumed_step = state.step;
  TUTTI_TRY(ranks.barrier());  // none was refused
  std::optional<RunLog> log;
  if (ranks.leads()) {
    if (!lock) {
      TUTTI_ASSIGN(lock, begin_run(fs, config.run.dir));
    }
    TUTTI_TRY(write_run_files(fs, config, tokenizer, initial_model));
    TUTTI_ASSIGN(log, RunLog::open(fs, clock, config.run.dir,
                                   {.resume_step = state.step,
                                    .tensorboard = config.log.tensorboard,
                                    .host = host_name()}));
  }
  return PreparedRun{std::move(ranks), std::move(save_ranks),  std::move(spans),
                     std::move(lock),  std::move(config),      std::move(plan),
                     std::move(data),  std::move(executor),    std::move(tensors),
                     std::move(state), std::move(identity),    std::move(checkpoints),
                     std::move(log),   layout.plan.seq_order()};
}

}  // namespace tutti
