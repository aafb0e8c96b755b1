#include "train/layout.h"

#include <charconv>
#include <cmath>
#include <numeric>

#include "models/model.h"
#include "partition/stage_cut.h"
#include "schedule/make_schedule.h"
#include "train/config_graph.h"
#include "train/config_keys.h"

namespace tutti {
namespace {

Status check_settings(const Config& config, const Offload& offload) {
  const bool budget = config.parallel.recompute == RecomputePolicy::kBudget;
  if (budget && config.parallel.stash_mib == 0) {
    return invalid("parallel.recompute = \"budget\", but parallel.stash_mib is not set");
  }
  if (!budget && config.parallel.stash_mib > 0) {
    return invalid("parallel.stash_mib = {} is for parallel.recompute = \"budget\"",
                   config.parallel.stash_mib);
  }
  if (budget && offload.activations) {
    return invalid(
        "parallel.recompute = \"budget\" limits the activations that are kept in memory, and "
        "parallel.offload = \"{}\" keeps none; set one of them",
        config.parallel.offload);
  }
  const bool to_file = config.parallel.offload_to == OffloadTo::kFile;
  if (!config.parallel.offload_dir.empty() && (!offload.any() || !to_file)) {
    return invalid("parallel.offload_dir is for parallel.offload to a file, but parallel.{}",
                   to_file ? "offload = \"none\"" : "offload_to = \"host\"");
  }
  return {};
}

PlannedSizes planned_sizes(const Config& config) {
  const ModelConfig& model = config.model;
  const int64_t multiple = BuildOptions{}.vocab_multiple;
  return {.layers = model.layers,
          .kv_heads = model.kv_heads,
          .group = model.heads / model.kv_heads,
          .mlp = model.mlp,
          .vocab = (model.vocab + multiple - 1) / multiple * multiple,
          .seq = config.train.seq_len};
}

// Actions are listed one by one, for every stage.
constexpr int64_t kMicrobatchesMax = 1 << 16;

// What the parts of the model cost; the sizes of the plan are bound.
Result<std::vector<BlockCost>> costs_of(const Config& config, const Plan& plan,
                                        const OpTable& ops) {
  TUTTI_ASSIGN(StepGraph step, build_training(ops, config));
  bind_dim(step.graph, "batch", plan.samples_per_microbatch());
  bind_dim(step.graph, "microbatch", plan.microbatches);
  return block_costs(std::move(step.graph), {ops, plan});
}

// "7,5"
template <typename Number>
Result<std::vector<Number>> parse_list(std::string_view key, const std::string& text) {
  std::vector<Number> numbers;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    Number number{};
    const auto [rest, code] = std::from_chars(text.data() + begin, text.data() + end, number);
    if (code != std::errc() || rest != text.data() + end || !(number > 0) ||
        !std::isfinite(static_cast<double>(number))) {
      return invalid("{} = \"{}\": expected positive numbers separated by commas", key, text);
    }
    numbers.push_back(number);
    begin = end + 1;
  }
  return numbers;
}

Result<std::vector<double>> stage_speeds(const Config& config) {
  const std::string& text = config.parallel.stage_speeds;
  if (text.empty()) return std::vector<double>();
  TUTTI_ASSIGN(auto speeds, parse_list<double>("parallel.stage_speeds", text));
  if (std::ssize(speeds) == config.parallel.pp) return speeds;
  return invalid(
      "parallel.stage_speeds = \"{}\" has {} numbers, expected one for each of {} stages", text,
      speeds.size(), config.parallel.pp);
}

Result<std::vector<int>> listed_layers(const Config& config, int positions) {
  const std::string& text = config.parallel.stages;
  TUTTI_ASSIGN(const auto counts, parse_list<int>("parallel.stages", text));
  std::vector<int> position_of;
  for (size_t p = 0; p < counts.size(); ++p) {
    if (counts[p] > config.model.layers) break;
    position_of.insert(position_of.end(), static_cast<size_t>(counts[p]), static_cast<int>(p));
  }
  if (std::ssize(counts) == positions && std::ssize(position_of) == config.model.layers) {
    return position_of;
  }
  return invalid(
      "parallel.stages = \"{}\" does not give each of {} positions (pp x chunks) its part of {} "
      "layers; \"equal\" and \"cost\" do so by themselves",
      text, positions, config.model.layers);
}

// The part of a rank's memory that parameters, gradients, state and stash may take where stages are
// cut; the rest is for scratch and what is on its way. The plan is checked to the byte later.
constexpr double kCutMemory = 0.9;

double memory_bytes(const Config& config) {
  return static_cast<double>(config.parallel.memory_mib * kMiB);
}

// The layers' positions in the pipeline; nothing for equal shares.
Result<std::vector<int>> cut_layers(const Config& config, const Plan& plan,
                                    const Schedule& schedule, const std::vector<BlockCost>& costs) {
  TUTTI_ASSIGN(const std::vector<double> speeds, stage_speeds(config));
  if (config.parallel.stages != "cost" && !speeds.empty()) {
    return invalid("parallel.stage_speeds is for parallel.stages = \"cost\", not \"{}\"",
                   config.parallel.stages);
  }
  if (config.parallel.stages == "equal") return std::vector<int>();
  const Pipeline pipeline = plan.pipeline();
  if (config.parallel.stages != "cost") return listed_layers(config, pipeline.positions());
  StageCut cut{pipeline, speeds, kCutMemory * memory_bytes(config) / pipeline.chunks, {}};
  for (int s = 0; s < pipeline.stages; ++s) cut.held.push_back(held_microbatches(schedule, s));
  auto positions = cut_by_cost(costs, cut);
  if (positions.ok()) return positions;
  // The estimate may be wrong: the plan is checked to the byte.
  cut.bytes_max = 0;
  return cut_by_cost(costs, cut);
}

// Of a mean stage, in units of its forward pass.
PassTimes pass_times(const std::vector<BlockCost>& costs) {
  BlockCost sum;
  for (const BlockCost& cost : costs) {
    sum.forward += cost.forward;
    sum.backward_input += cost.backward_input;
    sum.backward_weight += cost.backward_weight;
  }
  return {1, sum.backward_input / sum.forward, sum.backward_weight / sum.forward, 0};
}

Result<Schedule> read_schedule(FileSystem& fs, const Config& config) {
  constexpr uint64_t kScheduleBytesMax = 64 << 20;
  const std::string& path = config.parallel.schedule_file;
  if (path.empty()) {
    return invalid("parallel.schedule = \"file\", but parallel.schedule_file is not set");
  }
  TUTTI_ASSIGN(const std::string text, read_file(fs, path, kScheduleBytesMax));
  auto schedule = parse_schedule_csv(text);
  if (!schedule.ok()) return invalid("{}: {}", path, schedule.message());
  if (is_forward_only(*schedule)) return invalid("{}: no backward pass: nothing is trained", path);
  if (schedule->stage_count() != config.parallel.pp ||
      schedule->microbatches != config.accumulation()) {
    return invalid(
        "{}: {} stages and {} microbatches, but parallel.pp = {} and a step has {} microbatches on "
        "a rank (train.global_batch / train.micro_batch / data ranks)",
        path, schedule->stage_count(), schedule->microbatches, config.parallel.pp,
        config.accumulation());
  }
  if (config.parallel.chunks > 0 && schedule->chunks != config.parallel.chunks) {
    return invalid("{}: {} chunks a stage, but parallel.chunks = {}", path, schedule->chunks,
                   config.parallel.chunks);
  }
  return schedule;
}

// As many as the schedule's name says, or as are asked for.
Result<int> chunks_of_stage(const Config& config) {
  const ParallelSection& parallel = config.parallel;
  const int own = chunks_of(parallel.schedule), asked = static_cast<int>(parallel.chunks);
  if (own == 0) return asked == 0 ? 2 : asked;
  if (asked == 0 || asked == own) return own;
  return invalid("parallel.chunks = {}, but parallel.schedule = {} has {} a stage", asked,
                 key_value(*find_config_key("parallel.schedule"), config), own);
}

// A setting that would have no effect is a mistake.
Status check_pipeline_settings(const Config& config) {
  const ParallelSection& p = config.parallel;
  const ParallelSection defaults;
  if (p.schedule != PipelineSchedule::kFile && !p.schedule_file.empty()) {
    return invalid("parallel.schedule_file is for parallel.schedule = \"file\"");
  }
  if (p.schedule != PipelineSchedule::kZeroBubble &&
      p.schedule_memory != defaults.schedule_memory) {
    return invalid("parallel.schedule_memory is for parallel.schedule = \"zero-bubble\"");
  }
  if (p.pp > 1) return {};
  for (const auto& [key, set] :
       {std::pair{"chunks", p.chunks > 1}, std::pair{"stages", p.stages != defaults.stages},
        std::pair{"stage_speeds", !p.stage_speeds.empty()},
        std::pair{"schedule", p.schedule == PipelineSchedule::kFile}}) {
    if (set) return invalid("parallel.{} is for a pipeline, but parallel.pp = 1", key);
  }
  return {};
}

Status check_positions(const Config& config, int chunks) {
  const int64_t positions = config.parallel.pp * chunks;
  if (positions <= config.model.layers) return {};
  return invalid(
      "parallel.pp = {} stages of {} chunks for model.layers = {}; each chunk needs a layer",
      config.parallel.pp, chunks, config.model.layers);
}

Status lay_out_pipeline(FileSystem& fs, const Config& config, const OpTable& ops, Layout& layout) {
  Plan& plan = layout.plan;
  const auto microbatches = static_cast<int>(plan.microbatches);
  if (plan.microbatches > kMicrobatchesMax) {
    return invalid("{} microbatches on a rank, at most {} can be planned; raise train.micro_batch",
                   plan.microbatches, kMicrobatchesMax);
  }
  TUTTI_TRY(check_pipeline_settings(config));
  const int stages = plan.pipeline().stages;
  if (stages == 1) {
    layout.schedule = sequential_schedule(microbatches);
    return {};
  }
  const bool from_file = config.parallel.schedule == PipelineSchedule::kFile;
  ScheduleRequest request;
  request.kind = config.parallel.schedule;
  request.stages = stages;
  request.microbatches = microbatches;
  request.memory = config.parallel.schedule_memory;
  TUTTI_ASSIGN(request.chunks, chunks_of_stage(config));
  if (from_file) {
    TUTTI_ASSIGN(layout.schedule, read_schedule(fs, config));
    request.chunks = layout.schedule.chunks;
  }
  TUTTI_TRY(check_positions(config, request.chunks));
  plan.split_backward =
      from_file ? layout.schedule.splits_backward() : splits_backward(config.parallel.schedule);
  TUTTI_ASSIGN(const std::vector<BlockCost> costs, costs_of(config, plan, ops));
  request.times = layout.times = pass_times(costs);
  if (!from_file) layout.schedule = make_schedule(request);
  plan.chunks = layout.schedule.chunks;
  plan.chunk_order = layout.schedule.order;
  TUTTI_ASSIGN(plan.layer_positions, cut_layers(config, plan, layout.schedule, costs));
  return {};
}

// The bytes that a microbatch may keep at each position, so that those that its stage holds at once
// keep what is allowed.
void set_stash(const Config& config, Layout& layout) {
  Plan& plan = layout.plan;
  if (plan.recompute != RecomputePolicy::kBudget) return;
  const Pipeline pipeline = plan.pipeline();
  for (int p = 0; p < pipeline.positions(); ++p) {
    const double held = held_microbatches(layout.schedule, pipeline.stage_of(p)) * pipeline.chunks;
    const double until_input = held_microbatches(layout.schedule, pipeline.stage_of(p), 0);
    plan.stash_apart.push_back(1 - until_input * pipeline.chunks / std::max(1.0, held));
    plan.stash_bytes.push_back(static_cast<int64_t>(
        static_cast<double>(config.parallel.stash_mib * kMiB) / std::max(1.0, held)));
  }
}

std::string axes_text(const ParallelSection& p) {
  return fmt::format("pp {} x dp {} x shard {} x ep {} x cp {} x tp {}", p.pp, p.dp, p.shard, p.ep,
                     p.cp, p.tp);
}

}  // namespace

double Layout::bubble_rate() const {
  return schedule.stage_count() == 1 ? 0 : simulate(schedule, times).bubble_rate();
}

Plan one_rank_plan(int64_t micro_batch, int64_t microbatches) {
  Plan plan;
  plan.micro_batch = micro_batch;
  plan.microbatches = microbatches;
  return plan;
}

Result<Layout> layout_of(FileSystem& fs, const Config& config, const OpTable& ops) {
  const ParallelSection& parallel = config.parallel;
  TUTTI_ASSIGN(const Offload offload, parse_offload(parallel.offload));
  TUTTI_TRY(check_settings(config, offload));
  Layout layout;
  Plan& plan = layout.plan;
  plan = one_rank_plan(config.train.micro_batch, config.accumulation());
  const auto set = [&](Axis axis, int64_t size) {
    plan.mesh.size(axis) = static_cast<int32_t>(size);
  };
  set(Axis::kPp, parallel.pp);
  set(Axis::kDp, parallel.dp);
  set(Axis::kShard, parallel.shard);
  set(Axis::kEp, parallel.ep);
  set(Axis::kCp, parallel.cp);
  set(Axis::kTp, parallel.tp);
  plan.tp_kv_heads = static_cast<int32_t>(std::gcd(parallel.tp, config.model.kv_heads));
  plan.zero = static_cast<int>(parallel.zero);
  plan.grad_reduce = parallel.grad_reduce;
  plan.prefetch = static_cast<int>(parallel.prefetch);
  plan.reshard_after_forward = parallel.reshard_after_forward;
  plan.context_parallel = parallel.context_parallel;
  if (!parallel.sequence_parallel) plan.rules = rules_without_sequence_parallel();
  plan.recompute = parallel.recompute;
  plan.offload = offload;
  plan.offload.to_host = parallel.offload_to == OffloadTo::kHost;
  TUTTI_TRY(lay_out_pipeline(fs, config, ops, layout));
  set_stash(config, layout);
  TUTTI_TRY(validate(plan, planned_sizes(config)));
  return layout;
}

std::vector<std::string> default_layout(int ranks) {
  if (ranks == 1) return {};
  return {fmt::format("parallel.shard={}", ranks), "parallel.zero=1"};
}

Result<Config> lay_out(FileSystem& fs, const std::string& path,
                       const std::vector<std::string>& overrides, Config config, int ranks) {
  if (ranks == 0) return config;
  if (config.world_size() == 1 && ranks > 1) {
    std::vector<std::string> more = overrides;
    for (const std::string& setting : default_layout(ranks)) more.push_back(setting);
    TUTTI_ASSIGN(config, load_config(fs, path, more));
  }
  TUTTI_TRY(check_ranks(config, ranks));
  return config;
}

Result<Config> load_laid_out(FileSystem& fs, const std::string& path,
                             const std::vector<std::string>& overrides, int ranks) {
  TUTTI_ASSIGN(Config config, load_config(fs, path, overrides));
  return lay_out(fs, path, overrides, std::move(config), ranks);
}

Status check_ranks(const Config& config, int ranks) {
  if (config.world_size() == ranks) return {};
  return invalid(
      "the run has {} ranks, but parallel asks for {} ({}); start {} ranks, or set the "
      "axes so that their product is {}",
      ranks, config.world_size(), axes_text(config.parallel), config.world_size(), ranks);
}

}  // namespace tutti
