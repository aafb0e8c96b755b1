#include "train/layout.h"

#include <numeric>

#include "models/model.h"
#include "train/config_keys.h"

namespace tutti {
namespace {

Error not_built(const Config& config, std::string_view key, std::string_view instead) {
  const ConfigKey* found = find_config_key(key);
  TUTTI_CHECK(found != nullptr, "{}", key);
  return invalid("{} = {} is not built; {}", key, key_value(*found, config), instead);
}

Status check_settings(const Config& config) {
  if (config.parallel.recompute == RecomputePolicy::kFull) {
    return not_built(config, "parallel.recompute",
                     "set it to \"selective\": norms and activations are computed again");
  }
  if (config.parallel.offload != OffloadPolicy::kNone) {
    return not_built(config, "parallel.offload", "set it to \"none\"");
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

std::string axes_text(const ParallelSection& p) {
  return fmt::format("pp {} x dp {} x shard {} x ep {} x cp {} x tp {}", p.pp, p.dp, p.shard, p.ep,
                     p.cp, p.tp);
}

}  // namespace

Plan one_rank_plan(int64_t micro_batch, int64_t microbatches) {
  Plan plan;
  plan.micro_batch = micro_batch;
  plan.microbatches = microbatches;
  return plan;
}

Result<Plan> plan_of(const Config& config) {
  TUTTI_TRY(check_settings(config));
  const ParallelSection& parallel = config.parallel;
  Plan plan = one_rank_plan(config.train.micro_batch, config.accumulation());
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
  TUTTI_TRY(validate(plan, planned_sizes(config)));
  return plan;
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
