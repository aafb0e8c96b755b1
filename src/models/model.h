// Models as single-device graphs with named dims. A builder contains no parallel code: it renames
// seq to stream_seq where the residual stream may be cut otherwise than attention and MLP, and that
// is all a plan needs.
//
// Dims: batch, seq (positions as attention sees them), stream_seq (positions in the residual
// stream), embed, kv_heads, group (queries per key head), head_dim, mlp, vocab, context (rows of
// the position embedding, or of a cache).
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "ir/builder.h"
#include "models/config.h"

namespace tutti {

enum class Initialisation : uint8_t { kNormal, kZeros, kOnes };

struct ParameterInfo {
  ValueId value;
  Initialisation initialisation = Initialisation::kNormal;
  double stddev = 0;        // kNormal
  bool decayed = false;     // weight decay applies: matrices, not norms and biases
  int64_t valid_rows = -1;  // rows of the first dim past this are padding (zero); -1: none
};

struct ModelGraph {
  std::vector<ParameterInfo> parameters;
  ValueId tokens;     // i32[batch, seq]
  ValueId positions;  // i32[batch, seq]
  ValueId labels;     // i32[batch, seq]; training and evaluation
  ValueId segments;  // i32[batch, seq]: positions attend within theirs; with BuildOptions::segments
  ValueId loss;      // f32[]: sum over labelled tokens of one microbatch
  ValueId logits;    // f32[batch, vocab] after the token at last_index; generation
};

struct BuildOptions {
  enum class Mode : uint8_t { kTrain, kEvaluate, kGenerate };
  Mode mode = Mode::kTrain;
  int64_t seq = 0;
  int64_t batch = kSymbolic;
  int64_t cache_context = 0;    // kGenerate: positions that the key and value cache holds
  uint64_t seed = 0;            // keys of dropout
  bool segments = false;        // keep the documents of a sample apart; training and evaluation
  DType weights = DType::kF32;  // of matrices; kBF16 in generation only. Norms and biases are F32
  int64_t vocab_multiple = 64;  // the vocabulary is padded to a multiple of this
};

// Checks sizes (heads, context) and appends the model's forward pass to the body. kGenerate adds
// the scalars "cache_length" (positions filled before this call) and "last_index" (whose logits).
Result<ModelGraph> build_model(GraphBuilder& builder, const ModelConfig& config,
                               const BuildOptions& options);

// Parameters of the model, padding not counted.
int64_t parameter_count(const Graph& graph, const std::vector<ParameterInfo>& parameters);

}  // namespace tutti
