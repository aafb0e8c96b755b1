// The rows of the tables of hugging_face_layout.h. Constant; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "models/config.h"

namespace tutti {

// A run of a parameter's dims.
enum class Extent : uint8_t {
  kNone,     // of a vector's input
  kEmbed,    // embed
  kQuery,    // kv_heads, group, head_dim
  kKey,      // kv_heads, head_dim
  kHeadDim,  // head_dim
  kMlp,      // mlp
  kVocab,    // vocab
  kContext,  // context
};

struct HuggingFaceRow {
  std::string_view parameter;  // behind "layers.N." in rows of a layer
  std::string_view tensor;     // behind the layer's prefix
  Extent out = Extent::kNone;
  Extent in = Extent::kNone;
  int third = -1;           // which third of the tensor's output; -1: it is all of it
  bool transposed = false;  // stored [in, out]
  bool (*present)(const ModelConfig&) = nullptr;  // null: always
};

struct HuggingFaceTable {
  std::string_view base_prefix;               // "model."
  std::string_view layer_prefix;              // "layers.", behind the base prefix
  std::span<const HuggingFaceRow> first;      // before the layers
  std::span<const HuggingFaceRow> layer;      // of each layer
  std::span<const HuggingFaceRow> last;       // after them
  std::string_view head;                      // the output projection, without the base prefix
  std::span<const std::string_view> buffers;  // ends of names that older files hold besides
};

const HuggingFaceTable& gpt2_hugging_face();
const HuggingFaceTable& llama_hugging_face();

}  // namespace tutti
