#include "reference/reference_case.h"

#include "base/json_fields.h"
#include "base/rng.h"

namespace tutti {
namespace {

ModelConfig parse_model(const JsonFields& object) {
  ModelConfig model;
  std::string architecture;
  object.read("architecture", architecture);
  const bool gpt2 = architecture == "gpt2";
  model.architecture = gpt2 ? Architecture::kGpt2 : Architecture::kLlama;
  object.read("layers", model.layers);
  object.read("embed", model.embed);
  object.read("heads", model.heads);
  object.read("kv_heads", model.kv_heads);
  object.read("head_dim", model.head_dim);
  object.read("mlp", model.mlp);
  object.read("vocab", model.vocab);
  object.read("context", model.context);
  object.read("tied_embeddings", model.tied_embeddings);
  object.read("qkv_bias", model.qkv_bias);
  object.read_optional("qk_norm", model.qk_norm);
  object.read_optional("window", model.window);
  object.read("norm_epsilon", model.norm_epsilon);
  object.read("rope_theta", model.rope_theta);
  const JsonFields scaling = object.inner("rope_scaling");
  scaling.read("factor", model.rope_scaling.factor);
  scaling.read("low_freq_factor", model.rope_scaling.low_freq_factor);
  scaling.read("high_freq_factor", model.rope_scaling.high_freq_factor);
  scaling.read("original_context", model.rope_scaling.original_context);
  return model;
}

OptimizerOptions parse_optimizer(const JsonFields& object) {
  OptimizerOptions options;
  object.read("beta1", options.beta1);
  object.read("beta2", options.beta2);
  object.read("epsilon", options.epsilon);
  object.read("weight_decay", options.weight_decay);
  object.read("grad_clip", options.grad_clip);
  return options;
}

LrSchedule parse_schedule(const JsonFields& object) {
  LrSchedule schedule;
  object.read("lr", schedule.lr);
  object.read("min_lr", schedule.min_lr);
  object.read("warmup_steps", schedule.warmup_steps);
  object.read("decay_steps", schedule.decay_steps);
  return schedule;
}

}  // namespace

Result<ReferenceCase> parse_reference_case(const Json& object, const std::string& source) {
  ReferenceCase c;
  Status status;
  const JsonFields fields(object, source + ": not a reference case: ", status);
  fields.read("name", c.name);
  c.model = parse_model(fields.inner("model"));
  fields.read("seq", c.seq);
  fields.read("batch", c.batch);
  fields.read("microbatches", c.microbatches);
  fields.read("batches", c.batches);
  fields.read("steps", c.steps);
  fields.read("seed", c.seed);
  fields.read("weight_range", c.weight_range);
  c.optimizer = parse_optimizer(fields.inner("optimizer"));
  c.schedule = parse_schedule(fields.inner("schedule"));
  TUTTI_TRY(status);
  for (const int64_t size : {c.seq, c.batch, c.microbatches, c.batches, c.steps}) {
    if (size < 1) return corrupt("{}: a size of {}, expected at least 1", source, size);
  }
  return c;
}

std::vector<float> reference_weights(const ReferenceCase& c, std::string_view name, int64_t count) {
  const RngKey key = rng_key(c.seed, 0, stable_hash(name));
  const auto range = static_cast<float>(c.weight_range);
  const float centre = name.ends_with("norm.weight") ? 1.0f : 0.0f;
  std::vector<float> weights;
  for (int64_t i = 0; i < count; ++i) {
    const float u = uniform_at(key, static_cast<uint64_t>(i));
    weights.push_back(centre + range * (2.0f * u - 1.0f));
  }
  return weights;
}

ReferenceBatch reference_batch(const ReferenceCase& c, int64_t number) {
  const RngKey key = rng_key(c.seed, static_cast<uint64_t>(number), stable_hash("tokens"));
  const auto word = [&](int64_t i) {
    return philox(key, static_cast<uint64_t>(i / 4))[static_cast<size_t>(i % 4)];
  };
  ReferenceBatch batch;
  for (int64_t sample = 0; sample < c.microbatches * c.batch; ++sample) {
    const int64_t first = sample * (c.seq + 1);
    // A sequence that can be learnt: each token follows from the last, up to one of three.
    int64_t token = word(first) % c.model.vocab;
    for (int64_t i = 0; i < c.seq; ++i) {
      batch.tokens.push_back(static_cast<int32_t>(token));
      token = (5 * token + 7 + word(first + i + 1) % 3) % c.model.vocab;
      // Some labels are ignored, and microbatches hold different numbers of them.
      const bool ignored = (sample * c.seq + i) % (7 + 4 * (sample / c.batch)) == 0;
      batch.labels.push_back(ignored ? -1 : static_cast<int32_t>(token));
    }
  }
  return batch;
}

}  // namespace tutti
