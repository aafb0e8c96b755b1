#include "models/layers.h"

#include <cmath>

#include "base/rng.h"

namespace tutti {

LayerBuilder::LayerBuilder(GraphBuilder& builder, const ModelConfig& config,
                           const BuildOptions& options)
    : builder_(builder), config_(config), options_(options) {
  const int64_t multiple = options.vocab_multiple;
  batch_ = {"batch", options.batch};
  seq_ = {"seq", options.seq};
  embed_ = {"embed", config.embed};
  kv_heads_ = {"kv_heads", config.kv_heads};
  group_ = {"group", config.heads / config.kv_heads};
  head_dim_ = {"head_dim", config.head_dim};
  vocab_ = {"vocab", (config.vocab + multiple - 1) / multiple * multiple};
}

double LayerBuilder::residual_stddev() const {
  return config_.init_std / std::sqrt(2.0 * static_cast<double>(config_.layers));
}

ValueId LayerBuilder::parameter(const std::string& name, std::vector<Dim> dims,
                                Initialisation initialisation, double stddev, int64_t valid_rows) {
  const bool matrix = dims.size() > 1 && initialisation == Initialisation::kNormal;
  const DType dtype = matrix ? options_.weights : DType::kF32;
  const ValueId id = builder_.declare(Role::kParameter, name, dtype, std::move(dims));
  model_.parameters.push_back({id, initialisation, stddev, matrix, valid_rows});
  return id;
}

void LayerBuilder::declare_inputs() {
  model_.tokens = builder_.declare(Role::kInput, "tokens", DType::kI32, {batch_, seq_});
  model_.positions = builder_.declare(Role::kInput, "positions", DType::kI32, {batch_, seq_});
  if (options_.mode != BuildOptions::Mode::kGenerate) {
    model_.labels = builder_.declare(Role::kInput, "labels", DType::kI32, {batch_, seq_});
    if (options_.segments) {
      model_.segments = builder_.declare(Role::kInput, "segments", DType::kI32, {batch_, seq_});
    }
  } else {
    cache_length_ = builder_.declare(Role::kScalar, "cache_length", DType::kI32, {});
  }
  const bool random = config_.dropout > 0 || config_.attention_dropout > 0;
  if (random && options_.mode == BuildOptions::Mode::kTrain) {
    step_ = builder_.declare(Role::kScalar, "step", DType::kI64, {});
  }
}

ValueId LayerBuilder::to_stream(ValueId x) {
  return builder_.emit(OpKind::kRelabel, {x}, {{"from", "seq"}, {"to", "stream_seq"}},
                       builder_.name(x) + ".stream");
}

ValueId LayerBuilder::from_stream(ValueId x) {
  return builder_.emit(OpKind::kRelabel, {x}, {{"from", "stream_seq"}, {"to", "seq"}},
                       builder_.name(x) + ".seq");
}

ValueId LayerBuilder::embed_tokens() {
  table_ = parameter("embed.weight", {vocab_, embed_}, Initialisation::kNormal, config_.init_std,
                     config_.vocab);
  return to_stream(builder_.emit(OpKind::kEmbedding, {model_.tokens, table_}, {}, "embed.out"));
}

ValueId LayerBuilder::embed_positions() {
  const ValueId table = parameter("position.weight", {{"context", config_.context}, embed_},
                                  Initialisation::kNormal, config_.init_std);
  return to_stream(
      builder_.emit(OpKind::kEmbedding, {model_.positions, table}, {}, "position.out"));
}

ValueId LayerBuilder::norm(ValueId x, const std::string& name) {
  const ValueId w = parameter(name + ".weight", {embed_}, Initialisation::kOnes);
  const Attributes attributes{{"epsilon", config_.norm_epsilon}};
  if (config_.architecture == Architecture::kLlama) {
    return builder_.emit(OpKind::kRmsNorm, {x, w}, attributes,
                         std::vector{name + ".out", name + ".rstd"})[0];
  }
  const ValueId bias = parameter(name + ".bias", {embed_}, Initialisation::kZeros);
  return builder_.emit(OpKind::kLayerNorm, {x, w, bias}, attributes,
                       std::vector{name + ".out", name + ".mean", name + ".rstd"})[0];
}

ValueId LayerBuilder::linear(ValueId x, const std::string& name, std::vector<Dim> out,
                             std::vector<Dim> contract, bool bias, double stddev) {
  std::vector<std::string> contracted;
  for (const Dim& dim : contract) contracted.push_back(dim.name);
  std::vector<Dim> dims = out;
  dims.insert(dims.end(), contract.begin(), contract.end());
  std::vector<ValueId> inputs{x,
                              parameter(name + ".weight", dims, Initialisation::kNormal, stddev)};
  if (bias) inputs.push_back(parameter(name + ".bias", out, Initialisation::kZeros));
  return builder_.emit(OpKind::kLinear, inputs, {{"contract", contracted}}, name + ".out");
}

ValueId LayerBuilder::head_norm(ValueId x, const std::string& name) {
  if (!config_.qk_norm) return x;
  const ValueId w = parameter(name + ".weight", {head_dim_}, Initialisation::kOnes);
  return builder_.emit(OpKind::kRmsNorm, {x, w}, {{"epsilon", config_.norm_epsilon}},
                       std::vector{name + ".out", name + ".rstd"})[0];
}

ValueId LayerBuilder::rope(ValueId x, const std::string& name) {
  if (config_.architecture != Architecture::kLlama) return x;
  Attributes attributes{{"theta", config_.rope_theta}};
  const RopeScaling& scaling = config_.rope_scaling;
  if (scaling.factor != 1.0) {
    attributes.set("factor", scaling.factor);
  }
  if (scaling.factor != 1.0 && scaling.type == RopeScalingType::kLinear) {
    attributes.set("linear", true);
  } else if (scaling.factor != 1.0) {
    attributes.set("low_freq_factor", scaling.low_freq_factor);
    attributes.set("high_freq_factor", scaling.high_freq_factor);
    attributes.set("original_context", scaling.original_context);
  }
  return builder_.emit(OpKind::kRope, {x, model_.positions}, attributes, name);
}

ValueId LayerBuilder::cached(ValueId x, const std::string& name) {
  if (options_.mode != BuildOptions::Mode::kGenerate) return x;
  const ValueId cache =
      builder_.declare(Role::kState, name, DType::kF32,
                       {batch_, {"context", options_.cache_context}, kv_heads_, head_dim_});
  return builder_.emit_update(OpKind::kCacheAppend, cache, {cache, x, cache_length_}, {});
}

ValueId LayerBuilder::attention(ValueId x, const std::string& name) {
  const bool bias = config_.qkv_bias || config_.architecture == Architecture::kGpt2;
  const bool output_bias = config_.output_bias || config_.architecture == Architecture::kGpt2;
  const double std = config_.init_std;
  ValueId q = linear(x, name + ".q", {kv_heads_, group_, head_dim_}, {embed_}, bias, std);
  ValueId k = linear(x, name + ".k", {kv_heads_, head_dim_}, {embed_}, bias, std);
  const ValueId v = linear(x, name + ".v", {kv_heads_, head_dim_}, {embed_}, bias, std);
  q = rope(head_norm(q, name + ".q_norm"), name + ".q.rope");
  k = rope(head_norm(k, name + ".k_norm"), name + ".k.rope");
  std::vector<ValueId> inputs{q, cached(k, name + ".k.cache"), cached(v, name + ".v.cache")};
  if (cache_length_.valid()) inputs.push_back(cache_length_);
  if (model_.segments.valid()) inputs.insert(inputs.end(), 2, model_.segments);
  const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_dim));
  Attributes attributes{{"causal", true}, {"scale", scale}};
  if (config_.window > 0) attributes.set("window", config_.window);
  if (step_.valid() && config_.attention_dropout > 0) {
    inputs.push_back(step_);
    attributes.set("dropout", config_.attention_dropout);
    attributes.set("seed", static_cast<int64_t>(options_.seed));
    attributes.set("key", static_cast<int64_t>(stable_hash(name + ".weights")));
  }
  const ValueId o = builder_.emit(OpKind::kAttention, inputs, attributes,
                                  std::vector{name + ".heads", name + ".lse"})[0];
  return linear(o, name + ".o", {embed_}, {kv_heads_, group_, head_dim_}, output_bias,
                residual_stddev());
}

ValueId LayerBuilder::dropout(ValueId x, const std::string& name) {
  if (!step_.valid() || config_.dropout == 0) return x;
  const Attributes attributes{{"p", config_.dropout},
                              {"seed", static_cast<int64_t>(options_.seed)},
                              {"key", static_cast<int64_t>(stable_hash(name))}};
  return builder_.emit(OpKind::kDropout, {x, step_}, attributes, name);
}

ValueId LayerBuilder::residual(ValueId stream, ValueId branch, const std::string& name) {
  const ValueId x = dropout(to_stream(branch), name + ".dropout");
  return builder_.emit(OpKind::kAdd, {stream, x}, {}, name + ".out");
}

void LayerBuilder::head(ValueId stream) {
  ValueId x = from_stream(norm(stream, "final_norm"));
  ValueId table = table_;
  if (!config_.tied_embeddings) {
    table = parameter("head.weight", {vocab_, embed_}, Initialisation::kNormal, config_.init_std,
                      config_.vocab);
  }
  if (options_.mode == BuildOptions::Mode::kGenerate) {
    const ValueId last = builder_.declare(Role::kScalar, "last_index", DType::kI32, {});
    x = builder_.emit(OpKind::kTakePosition, {x, last}, {}, "last.out");
    model_.logits = builder_.emit(OpKind::kLinear, {x, table},
                                  {{"contract", std::vector<std::string>{"embed"}}}, "logits");
    return;
  }
  model_.loss = builder_.emit(OpKind::kLinearCrossEntropy, {x, table, model_.labels},
                              {{"vocab_valid", config_.vocab}},
                              std::vector<std::string>{"loss_sum", "lse"})[0];
}

}  // namespace tutti
