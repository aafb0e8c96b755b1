#include "reference/reference_case.h"

#include "base/json.h"
#include "base/rng.h"

namespace tutti {
namespace {

// Reads fields of an object and remembers the first that is missing or of another type.
class Fields {
 public:
  Fields(const Json& object, std::string& fault) : object_(object), fault_(fault) {}

  template <typename T>
  void read(const char* key, T& out) const {
    read_optional(key, out);
    if (!object_.contains(key)) note(key);
  }
  void read_optional(const char* key, std::string& out) const {
    read_if(key, &Json::is_string, out);
  }
  void read_optional(const char* key, bool& out) const { read_if(key, &Json::is_boolean, out); }
  void read_optional(const char* key, double& out) const { read_if(key, &Json::is_number, out); }
  void read_optional(const char* key, int64_t& out) const { read_if(key, &Json::is_integer, out); }
  void read_optional(const char* key, uint64_t& out) const { read_if(key, &Json::is_count, out); }
  Fields inner(const char* key) const {
    static const Json kNone;
    const Json* found = object_.find(key);
    if (found == nullptr) note(key);
    return {found == nullptr ? kNone : *found, fault_};
  }

 private:
  template <typename T>
  void read_if(const char* key, bool (Json::*is_type)() const, T& out) const {
    const Json* found = object_.find(key);
    if (found == nullptr) return;
    if ((found->*is_type)()) {
      out = found->get<T>();
    } else {
      note(key);
    }
  }
  void note(const char* key) const {
    if (fault_.empty()) fault_ = key;
  }

  const Json& object_;
  std::string& fault_;
};

ModelConfig parse_model(const Fields& object) {
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
  const Fields scaling = object.inner("rope_scaling");
  scaling.read("factor", model.rope_scaling.factor);
  scaling.read("low_freq_factor", model.rope_scaling.low_freq_factor);
  scaling.read("high_freq_factor", model.rope_scaling.high_freq_factor);
  scaling.read("original_context", model.rope_scaling.original_context);
  return model;
}

OptimizerOptions parse_optimizer(const Fields& object) {
  OptimizerOptions options;
  object.read("beta1", options.beta1);
  object.read("beta2", options.beta2);
  object.read("epsilon", options.epsilon);
  object.read("weight_decay", options.weight_decay);
  object.read("grad_clip", options.grad_clip);
  return options;
}

LrSchedule parse_schedule(const Fields& object) {
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
  std::string fault;
  const Fields fields(object, fault);
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
  if (!fault.empty()) return corrupt("{}: not a reference case: {}", source, fault);
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
