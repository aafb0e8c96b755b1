#include "train/config_check.h"

#include <algorithm>

#include "train/config_keys.h"

namespace tutti {
namespace {

struct Required {
  std::string_view name;
  int64_t value;
};

Status check_model_is_given(const ModelConfig& model) {
  const Required sizes[] = {{"layers", model.layers}, {"embed", model.embed},
                            {"heads", model.heads},   {"mlp", model.mlp},
                            {"vocab", model.vocab},   {"context", model.context}};
  for (const Required& size : sizes) {
    if (size.value == 0) {
      return invalid("model.{} is not set; set it, or model.preset (for example \"gpt2-124m\")",
                     size.name);
    }
  }
  return Status();
}

Status check_heads(const ModelConfig& model) {
  if (model.head_dim == 0) {
    return invalid("model.embed = {} is not a multiple of model.heads = {}; set model.head_dim",
                   model.embed, model.heads);
  }
  if (model.kv_heads > model.heads || model.heads % model.kv_heads != 0) {
    return invalid("model.heads = {} is not a multiple of model.kv_heads = {}", model.heads,
                   model.kv_heads);
  }
  if (model.architecture == Architecture::kGpt2) {
    if (model.kv_heads != model.heads) {
      return invalid("model.kv_heads = {}: gpt2 has as many as model.heads = {}", model.kv_heads,
                     model.heads);
    }
    if (model.qk_norm) return invalid("model.qk_norm = true: gpt2 has no norm of heads");
    if (model.heads * model.head_dim != model.embed) {
      return invalid("model.heads = {} x model.head_dim = {} is {}, but model.embed is {}",
                     model.heads, model.head_dim, model.heads * model.head_dim, model.embed);
    }
  } else if (model.head_dim % 2 != 0) {
    return invalid("model.head_dim = {} is odd; rotary positions need pairs", model.head_dim);
  }
  return Status();
}

Status check_model(const ModelConfig& model) {
  TUTTI_TRY(check_model_is_given(model));
  TUTTI_TRY(check_heads(model));
  const RopeScaling& rope = model.rope_scaling;
  if (rope.factor > 1 && rope.type == RopeScalingType::kLlama3 &&
      rope.low_freq_factor >= rope.high_freq_factor) {
    return invalid("model.rope_low_freq_factor = {} is not below model.rope_high_freq_factor = {}",
                   rope.low_freq_factor, rope.high_freq_factor);
  }
  return Status();
}

// Checked first: the products of the other checks then fit in 64 bits.
Status check_world_size(const ParallelSection& p) {
  constexpr int64_t kRanksMax = 1 << 20;
  int64_t ranks = 1;
  for (const int64_t size : {p.pp, p.dp, p.shard, p.ep, p.cp, p.tp}) {
    ranks *= size;
    if (ranks > kRanksMax) {
      return invalid("parallel: pp x dp x shard x ep x cp x tp is more than {} ranks", kRanksMax);
    }
  }
  return Status();
}

Status check_parallel(const Config& config) {
  const ParallelSection& p = config.parallel;
  if (p.pp > config.model.layers) {
    return invalid("parallel.pp = {} stages for model.layers = {}; each stage needs a layer", p.pp,
                   config.model.layers);
  }
  if (config.model.heads % p.tp != 0) {
    return invalid("model.heads = {} is not a multiple of parallel.tp = {}", config.model.heads,
                   p.tp);
  }
  if (config.train.seq_len % p.cp != 0) {
    return invalid("train.seq_len = {} is not a multiple of parallel.cp = {}", config.train.seq_len,
                   p.cp);
  }
  if (p.ep > 1) return invalid("parallel.ep = {}, but the model has no experts; set it to 1", p.ep);
  if (p.zero > 0 && p.shard * p.ep * p.cp == 1) {
    return invalid(
        "parallel.zero = {} has nothing to shard over: shard, ep and cp are 1; set parallel.shard",
        p.zero);
  }
  return Status();
}

Status check_batch(const Config& config) {
  const TrainSection& train = config.train;
  const int64_t unit = train.micro_batch * config.data_ranks();
  if (train.global_batch > kGlobalBatchMax) {
    return invalid("train.global_batch = {} is more than {}", train.global_batch, kGlobalBatchMax);
  }
  if (train.global_batch % unit == 0) return Status();
  const int64_t below = train.global_batch / unit * unit;
  const std::string suggestion =
      below == 0 ? fmt::format("{}", unit) : fmt::format("{} or {}", below, below + unit);
  return invalid(
      "train.global_batch = {} is not a multiple of {} = train.micro_batch ({}) x data ranks ({} = "
      "dp {} x shard {} x ep {}); set train.global_batch = {}",
      train.global_batch, unit, train.micro_batch, config.data_ranks(), config.parallel.dp,
      config.parallel.shard, config.parallel.ep, suggestion);
}

Status check_schedule(const Config& config) {
  const OptimSection& optim = config.optim;
  const int64_t steps = config.train.steps;
  if (optim.min_lr > optim.lr) {
    return invalid("optim.min_lr = {} is above optim.lr = {}", optim.min_lr, optim.lr);
  }
  if (optim.warmup_steps >= steps) {
    return invalid("optim.warmup_steps = {} is not below train.steps = {}", optim.warmup_steps,
                   steps);
  }
  if (optim.schedule == LrShape::kWsd && optim.warmup_steps + optim.decay_steps > steps) {
    return invalid(
        "optim.warmup_steps = {} and optim.decay_steps = {} are {} steps, but "
        "train.steps is {}",
        optim.warmup_steps, optim.decay_steps, optim.warmup_steps + optim.decay_steps, steps);
  }
  return Status();
}

}  // namespace

void fill_derived(Config& config) {
  ModelConfig& model = config.model;
  if (model.architecture == Architecture::kGpt2) {
    model.qkv_bias = model.output_bias = model.mlp_bias = true;
  }
  if (model.kv_heads == 0) model.kv_heads = model.heads;
  if (model.head_dim == 0 && model.heads > 0 && model.embed % model.heads == 0) {
    model.head_dim = model.embed / model.heads;
  }
  TrainSection& train = config.train;
  if (config.data.seed < 0) config.data.seed = train.seed;
  if (train.global_batch == 0) train.global_batch = train.micro_batch * config.data_ranks();
  OptimSection& optim = config.optim;
  if (optim.decay_steps == 0) {
    const int64_t after_warmup = std::max<int64_t>(1, train.steps - optim.warmup_steps);
    const int64_t tenth = std::clamp<int64_t>(train.steps / 10, 1, after_warmup);
    optim.decay_steps = optim.schedule == LrShape::kWsd ? tenth : after_warmup;
  }
  if (config.run.name.empty()) config.run.name = base_name(config.run.dir);
}

Status check_config(const Config& config) {
  TUTTI_TRY(check_world_size(config.parallel));
  TUTTI_TRY(check_model(config.model));
  if (config.train.seq_len > config.model.context) {
    return invalid("train.seq_len = {} is longer than model.context = {}", config.train.seq_len,
                   config.model.context);
  }
  TUTTI_TRY(check_parallel(config));
  TUTTI_TRY(check_batch(config));
  TUTTI_TRY(check_schedule(config));
  if (!config.data.train.empty() && !config.data.mixture.empty()) {
    return invalid("data.train = \"{}\" and data.mixture are both set; leave one of them out",
                   config.data.train);
  }
  if (config.run.dir.empty()) return invalid("run.dir is empty; set where logs and checkpoints go");
  if (config.train.eval_every > 0 && !config.data.sets().empty() &&
      config.data.validation.empty()) {
    return invalid(
        "train.eval_every = {}, but data.validation is not set; set it, or eval_every = 0",
        config.train.eval_every);
  }
  return Status();
}

}  // namespace tutti
