#include "models/model.h"

#include "models/layers.h"

namespace tutti {
namespace {

Status check_sizes(const ModelConfig& c, const BuildOptions& options) {
  const struct {
    const char* name;
    int64_t value;
  } kSizes[] = {{"layers", c.layers},     {"embed", c.embed}, {"heads", c.heads},
                {"kv_heads", c.kv_heads}, {"head_dim", c.head_dim}, {"mlp", c.mlp},
                {"vocab", c.vocab},       {"context", c.context}};
  for (const auto& size : kSizes) {
    if (size.value < 1) return invalid("model.{} = {}, expected at least 1", size.name, size.value);
  }
  const bool narrow = options.weights == DType::kBF16;
  const bool generates = options.mode == BuildOptions::Mode::kGenerate;
  if (options.weights != DType::kF32 && !(narrow && generates)) {
    return invalid("weights in {}: expected f32, or bf16 in generation", dtype_name(options.weights));
  }
  if (c.heads % c.kv_heads != 0) {
    return invalid("model.heads = {} is not a multiple of model.kv_heads = {}", c.heads, c.kv_heads);
  }
  if (c.architecture == Architecture::kLlama && c.head_dim % 2 != 0) {
    return invalid("model.head_dim = {} must be even for rotary positions", c.head_dim);
  }
  const int64_t longest = std::max(options.seq, options.cache_context);
  if (longest > c.context) {
    return invalid("a sequence of {} positions is longer than model.context = {}", longest, c.context);
  }
  return {};
}

void build_gpt2(LayerBuilder& l) {
  const ModelConfig& c = l.config();
  const Dim embed{"embed", c.embed}, mlp{"mlp", c.mlp};
  ValueId x = l.embed_tokens();
  x = l.b().emit(OpKind::kAdd, {x, l.embed_positions()}, {}, "embed.sum");
  x = l.dropout(x, "embed.dropout");
  for (int64_t i = 0; i < c.layers; ++i) {
    l.b().block = static_cast<int>(i);
    const std::string layer = fmt::format("layers.{}", i);
    ValueId h = l.from_stream(l.norm(x, layer + ".attn_norm"));
    x = l.residual(x, l.attention(h, layer + ".attn"), layer + ".attn.residual");
    h = l.from_stream(l.norm(x, layer + ".mlp_norm"));
    h = l.linear(h, layer + ".mlp.up", {mlp}, {embed}, true, c.init_std);
    h = l.b().emit(OpKind::kGelu, {h}, {}, layer + ".mlp.gelu");
    h = l.linear(h, layer + ".mlp.down", {embed}, {mlp}, true, l.residual_stddev());
    x = l.residual(x, h, layer + ".mlp.residual");
  }
  l.b().block = static_cast<int>(c.layers);
  l.head(x);
}

void build_llama(LayerBuilder& l) {
  const ModelConfig& c = l.config();
  const Dim embed{"embed", c.embed}, mlp{"mlp", c.mlp};
  ValueId x = l.dropout(l.embed_tokens(), "embed.dropout");
  for (int64_t i = 0; i < c.layers; ++i) {
    l.b().block = static_cast<int>(i);
    const std::string layer = fmt::format("layers.{}", i);
    ValueId h = l.from_stream(l.norm(x, layer + ".attn_norm"));
    x = l.residual(x, l.attention(h, layer + ".attn"), layer + ".attn.residual");
    h = l.from_stream(l.norm(x, layer + ".mlp_norm"));
    const ValueId gate = l.linear(h, layer + ".mlp.gate", {mlp}, {embed}, c.mlp_bias, c.init_std);
    const ValueId up = l.linear(h, layer + ".mlp.up", {mlp}, {embed}, c.mlp_bias, c.init_std);
    h = l.b().emit(OpKind::kSwiglu, {gate, up}, {}, layer + ".mlp.swiglu");
    h = l.linear(h, layer + ".mlp.down", {embed}, {mlp}, c.mlp_bias, l.residual_stddev());
    x = l.residual(x, h, layer + ".mlp.residual");
  }
  l.b().block = static_cast<int>(c.layers);
  l.head(x);
}

}  // namespace

Result<ModelGraph> build_model(GraphBuilder& builder, const ModelConfig& config,
                               const BuildOptions& options) {
  TUTTI_TRY(check_sizes(config, options));
  LayerBuilder layers(builder, config, options);
  layers.declare_inputs();
  if (config.architecture == Architecture::kGpt2) {
    build_gpt2(layers);
  } else {
    build_llama(layers);
  }
  TUTTI_TRY(builder.status());
  return std::move(layers.model());
}

int64_t parameter_count(const Graph& graph, const std::vector<ParameterInfo>& parameters) {
  int64_t count = 0;
  for (const ParameterInfo& info : parameters) {
    const auto& dims = graph.value(info.value).type.dims;
    const int64_t elements = element_count(dims);
    count += info.valid_rows < 0 ? elements : elements / dims[0].size * info.valid_rows;
  }
  return count;
}

}  // namespace tutti
