#include "reference/reference_case.h"

#include <nlohmann/json.hpp>

#include "base/rng.h"

namespace tutti {
namespace {

using nlohmann::json;

ModelConfig parse_model(const json& object) {
  ModelConfig model;
  const bool gpt2 = object.at("architecture").get<std::string>() == "gpt2";
  model.architecture = gpt2 ? Architecture::kGpt2 : Architecture::kLlama;
  object.at("layers").get_to(model.layers);
  object.at("embed").get_to(model.embed);
  object.at("heads").get_to(model.heads);
  object.at("kv_heads").get_to(model.kv_heads);
  object.at("head_dim").get_to(model.head_dim);
  object.at("mlp").get_to(model.mlp);
  object.at("vocab").get_to(model.vocab);
  object.at("context").get_to(model.context);
  object.at("tied_embeddings").get_to(model.tied_embeddings);
  object.at("qkv_bias").get_to(model.qkv_bias);
  model.qk_norm = object.value("qk_norm", false);
  model.window = object.value("window", int64_t{0});
  object.at("norm_epsilon").get_to(model.norm_epsilon);
  object.at("rope_theta").get_to(model.rope_theta);
  const json& scaling = object.at("rope_scaling");
  scaling.at("factor").get_to(model.rope_scaling.factor);
  scaling.at("low_freq_factor").get_to(model.rope_scaling.low_freq_factor);
  scaling.at("high_freq_factor").get_to(model.rope_scaling.high_freq_factor);
  scaling.at("original_context").get_to(model.rope_scaling.original_context);
  return model;
}

OptimizerOptions parse_optimizer(const json& object) {
  OptimizerOptions options;
  object.at("beta1").get_to(options.beta1);
  object.at("beta2").get_to(options.beta2);
  object.at("epsilon").get_to(options.epsilon);
  object.at("weight_decay").get_to(options.weight_decay);
  object.at("grad_clip").get_to(options.grad_clip);
  return options;
}

LrSchedule parse_schedule(const json& object) {
  LrSchedule schedule;
  object.at("lr").get_to(schedule.lr);
  object.at("min_lr").get_to(schedule.min_lr);
  object.at("warmup_steps").get_to(schedule.warmup_steps);
  object.at("decay_steps").get_to(schedule.decay_steps);
  return schedule;
}

}  // namespace

Result<ReferenceCase> parse_reference_case(const json& object, const std::string& source) {
  ReferenceCase c;
  try {
    object.at("name").get_to(c.name);
    c.model = parse_model(object.at("model"));
    object.at("seq").get_to(c.seq);
    object.at("batch").get_to(c.batch);
    object.at("microbatches").get_to(c.microbatches);
    object.at("batches").get_to(c.batches);
    object.at("steps").get_to(c.steps);
    object.at("seed").get_to(c.seed);
    object.at("weight_range").get_to(c.weight_range);
    c.optimizer = parse_optimizer(object.at("optimizer"));
    c.schedule = parse_schedule(object.at("schedule"));
  } catch (const json::exception& e) {
    return corrupt("{}: not a reference case: {}", source, e.what());
  }
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
