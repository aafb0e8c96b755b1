// The pieces that model builders share. Each appends ops under a name prefix such as
// "layers.3.attn" and declares the parameters that it needs.
#pragma once

#include <string>
#include <vector>

#include "models/model.h"

namespace tutti {

class LayerBuilder {
 public:
  LayerBuilder(GraphBuilder& builder, const ModelConfig& config, const BuildOptions& options);

  GraphBuilder& b() { return builder_; }
  const ModelConfig& config() const { return config_; }
  ModelGraph& model() { return model_; }

  ValueId parameter(const std::string& name, std::vector<Dim> dims, Initialisation initialisation,
                    double stddev = 0, int64_t valid_rows = -1);

  void declare_inputs();
  // The token embedding, by position of the residual stream.
  ValueId embed_tokens();
  ValueId embed_positions();
  ValueId to_stream(ValueId x);    // seq -> stream_seq
  ValueId from_stream(ValueId x);  // stream_seq -> seq
  ValueId norm(ValueId x, const std::string& name);
  // y = x w^T (+ b); `out` are the weight's first dims, `contract` its last.
  ValueId linear(ValueId x, const std::string& name, std::vector<Dim> out, std::vector<Dim> contract,
                 bool bias, double stddev);
  // Causal self-attention of x[batch, seq, embed]; rope when the architecture has it; the cache when
  // generating.
  ValueId attention(ValueId x, const std::string& name);
  // x, or while training with dropout, dropout(x) keyed by the name.
  ValueId dropout(ValueId x, const std::string& name);
  // stream + dropout(branch), the branch being in seq.
  ValueId residual(ValueId stream, ValueId branch, const std::string& name);
  // Final norm, then the loss or the logits.
  void head(ValueId stream);

  double residual_stddev() const;

 private:
  // RMS norm of each head of x[..., head_dim], where the config asks for it.
  ValueId head_norm(ValueId x, const std::string& name);
  ValueId rope(ValueId x, const std::string& name);
  ValueId cached(ValueId x, const std::string& name);

  GraphBuilder& builder_;
  const ModelConfig& config_;
  const BuildOptions& options_;
  ModelGraph model_;
  ValueId table_;         // the token embedding
  ValueId step_;          // i64[] scalar that keys dropout; declared when there is dropout
  ValueId cache_length_;  // i32[] scalar
  Dim batch_, seq_, embed_, kv_heads_, group_, head_dim_, vocab_;
};

}  // namespace tutti
