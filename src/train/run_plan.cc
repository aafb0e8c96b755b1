#include "train/run_plan.h"

#include <algorithm>

#include "base/format.h"
#include "base/log.h"
#include "models/model.h"
#include "train/config_keys.h"

namespace tutti {
namespace {

std::string size_text(int64_t bytes) { return human_bytes(static_cast<uint64_t>(bytes)); }
std::string count_text(int64_t count) { return human_count(static_cast<double>(count)); }

bool has_op(const Program& program, OpKind kind) {
  for (const Body& body : program.bodies) {
    for (const Instruction& i : body.instructions) {
      if (i.kind == kind) return true;
    }
  }
  return false;
}

std::string model_text(const RunPlan& plan) {
  const ModelConfig& model = plan.config.model;
  const std::string name = plan.config.preset.empty() ? "" : plan.config.preset + ", ";
  return fmt::format(
      "{}{} with {} parameters: {} layers, embed {}, {} heads ({} of keys) of {}, mlp {}, vocab {} "
      "(stored as {}), context {}",
      name, model.architecture == Architecture::kGpt2 ? "gpt2" : "llama",
      count_text(plan.parameters), model.layers, model.embed, model.heads, model.kv_heads,
      model.head_dim, model.mlp, model.vocab, plan.vocab_padded, model.context);
}

std::string data_text(const RunPlan& plan) {
  const Config& config = plan.config;
  std::string text;
  if (plan.data_sets.size() == 1) {
    text = fmt::format("{}: {} tokens, {} samples of {}; the run reads them {:.2f} times",
                       plan.data_sets[0].path, count_text(plan.data_tokens), plan.data_samples,
                       config.train.seq_len, plan.data_sets[0].epochs);
  } else {
    text = fmt::format("{} sets: {} tokens, {} samples of {}", plan.data_sets.size(),
                       count_text(plan.data_tokens), plan.data_samples, config.train.seq_len);
    for (const PlannedSet& set : plan.data_sets) {
      text += fmt::format("\n            {:.2f} % of the samples from {}, read {:.2f} times",
                          100 * set.share, set.path, set.epochs);
    }
  }
  if (plan.validation_tokens > 0) {
    text += fmt::format("; validation of {} tokens every {} steps",
                        count_text(plan.validation_tokens), config.train.eval_every);
  }
  return text;
}

std::string steps_text(const RunPlan& plan) {
  const Config& config = plan.config;
  std::string text = fmt::format("{} of {} tokens and {}FLOP; {} samples in {} microbatches of {}",
                                 config.train.steps, count_text(config.tokens_per_step()),
                                 human_count(plan.flops_per_step), config.train.global_batch,
                                 config.accumulation(), config.train.micro_batch);
  if (plan.resumed_step > 0) text += fmt::format("; {} are done", plan.resumed_step);
  return text;
}

std::string layout_text(const RunPlan& plan) {
  const ParallelSection& parallel = plan.config.parallel;
  if (plan.config.world_size() == 1) return "one rank";
  std::string text = fmt::format("{} ranks: {}, zero {}", plan.config.world_size(),
                                 to_string(plan.layout.mesh), parallel.zero);
  const std::string_view by[] = {"a ring", "gathered keys", "exchanged heads"};
  if (parallel.cp > 1) {
    text += fmt::format(", attention by {}", by[static_cast<size_t>(parallel.context_parallel)]);
  }
  if (parallel.pp > 1) {
    const ConfigKey* const key = find_config_key("parallel.schedule");
    text += fmt::format(", schedule {} with {:.1f} % of bubble", key_value(*key, plan.config),
                        100 * plan.bubble_rate);
  }
  return text + fmt::format("; {} cross the wire in a step", size_text(plan.wire_bytes));
}

std::string memory_text(const RunPlan& plan) {
  const MemoryReport& m = plan.memory;
  std::string text =
      fmt::format("parameters {}, gradients {}, optimizer {}, stash {}, scratch {}, io {}",
                  size_text(m.parameters), size_text(m.gradients), size_text(m.optimizer),
                  size_text(m.stash), size_text(m.scratch), size_text(m.io + m.kept));
  if (plan.arena_bytes > m.total()) {
    text += fmt::format(", evaluation {} more", size_text(plan.arena_bytes - m.total()));
  }
  text += fmt::format(": {} in all ({} bytes)", size_text(plan.arena_bytes), plan.arena_bytes);
  if (plan.staging_bytes > 0) {
    text += fmt::format("; and {} to stage checkpoints", size_text(plan.staging_bytes));
  }
  if (plan.stage_arena_bytes.size() > 1) {
    std::vector<std::string> sizes;
    for (int64_t bytes : plan.stage_arena_bytes) sizes.push_back(size_text(bytes));
    text += fmt::format("; that is stage {}, ranks of the stages take {}", plan.stage,
                        fmt::join(sizes, ", "));
  } else if (plan.config.world_size() > 1) {
    text += "; on each rank";
  }
  if (plan.offloaded_bytes > 0) {
    text += fmt::format(
        "\noffloaded   {} to {}: {} in all ({} bytes); a step fetches {} and stores {}",
        to_string(plan.layout.offload),
        plan.config.parallel.offload_to == OffloadTo::kHost ? "the host's memory" : "a file",
        size_text(plan.offloaded_bytes), plan.offloaded_bytes, size_text(plan.copied.in),
        size_text(plan.copied.out));
  }
  return text + fmt::format("\npeak        {}", m.peak_instruction);
}

std::string choices_text(const RunPlan& plan) {
  std::string text = fmt::format("kernels of {} with {}, {} threads", plan.kernels,
                                 plan.matrix_library, plan.threads);
  if (plan.recomputed_ops > 0) {
    text +=
        fmt::format("\n            {} ops{} run again in backward instead of keeping their results",
                    plan.recomputed_ops,
                    plan.layout.recompute == RecomputePolicy::kNone ? " (norms, activations)" : "");
  }
  if (plan.fused_loss) {
    const TrainSection& train = plan.config.train;
    text += fmt::format(
        "\n            loss and its gradients in one pass over the logits, which are never kept "
        "({} saved)",
        size_text(train.micro_batch * train.seq_len * plan.vocab_padded * 4));
  }
  return text;
}

std::string time_text(const RunPlan& plan) {
  if (!plan.peaks) return "not predicted: `tutti doctor` measures this machine";
  const auto steps = static_cast<double>(plan.config.train.steps - plan.resumed_step);
  return fmt::format(
      "at least {} a step, {} for the run, at this machine's {:.0f} GFLOP/s and "
      "{:.1f} GB/s",
      human_duration(plan.predicted_step_s), human_duration(plan.predicted_step_s * steps),
      plan.peaks->matrix_flops_per_s / 1e9, plan.peaks->memory_bytes_per_s / 1e9);
}

}  // namespace

void describe_programs(const RunPrograms& programs, const Layout& layout, const OpTable& ops,
                       RunPlan& plan) {
  const CompiledStep& train = programs.train;
  const Program& own = train.stages[static_cast<size_t>(plan.stage)];
  plan.layout = layout.plan;
  plan.parameters = parameter_count(train.step.graph, train.step.model.parameters);
  plan.memory = memory_report(own);
  plan.arena_bytes = programs.arena_bytes(plan.stage);
  plan.offloaded_bytes = programs.offloaded_bytes(plan.stage);
  plan.copied = step_copies(own);
  plan.rank_flops_per_step = step_flops(ops, own);
  const auto stages = static_cast<double>(train.stages.size());
  for (const Program& program : train.stages) {
    plan.stage_arena_bytes.push_back(programs.arena_bytes(program.stage));
    plan.stage_host_bytes.push_back(
        programs.host_bytes(program.stage, plan.config.parallel.offload_to));
    plan.flops_per_step +=
        step_flops(ops, program) * static_cast<double>(plan.config.world_size()) / stages;
  }
  plan.wire_bytes = step_wire_bytes(train.stages);
  plan.bubble_rate = layout.bubble_rate();
  plan.fused_loss = std::ranges::any_of(train.stages, [](const Program& program) {
    return has_op(program, OpKind::kLinearCrossEntropyFused);
  });
  for (const PassRecord& pass : train.passes) {
    if (pass.name != "recompute") continue;
    plan.recomputed_ops =
        static_cast<int64_t>(pass.ops_after) - static_cast<int64_t>(pass.ops_before);
  }
  for (const ParameterInfo& info : train.step.model.parameters) {
    if (info.valid_rows < 0) continue;
    plan.vocab_padded = train.step.graph.value(info.value).type.dims[0].size;
  }
  if (plan.vocab_padded == 0) plan.vocab_padded = plan.config.model.vocab;
  if (!plan.peaks) return;
  for (const Program& program : train.stages) {
    const double seconds = roofline_seconds(ops, program, plan.peaks->matrix_flops_per_s,
                                            plan.peaks->memory_bytes_per_s);
    plan.predicted_step_s = std::max(plan.predicted_step_s, seconds / (1 - plan.bubble_rate));
  }
}

std::optional<MachinePeaks> known_peaks(FileSystem& fs, int threads) {
  const Result<std::string> path = calibration_path();
  if (!path.ok()) return std::nullopt;  // no home directory: nothing was ever kept
  const auto peaks = read_calibration(fs, *path, this_machine(threads));
  if (peaks.ok()) return *peaks;
  log_warning("{}; `tutti doctor` measures again", peaks.message());
  return std::nullopt;
}

std::string format_run_plan(const RunPlan& plan) {
  return fmt::format(
      "run         {} in {}\n"
      "model       {}\n"
      "data        {}\n"
      "steps       {}\n"
      "layout      {}\n"
      "memory      {}\n"
      "chosen      {}\n"
      "time        {}\n",
      plan.config.run.name, plan.config.run.dir, model_text(plan), data_text(plan),
      steps_text(plan), layout_text(plan), memory_text(plan), choices_text(plan), time_text(plan));
}

}  // namespace tutti
