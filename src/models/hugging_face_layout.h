// How a model's parameters lie in the tensors of a Hugging Face checkpoint: which tensor, which
// rows of it, transposed or not. One table a model (gpt2_hugging_face.cc, llama_hugging_face.cc);
// this file turns tables into lists for a config. Values and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/config.h"
#include "tensor/shape.h"

namespace tutti {

// A tensor as it is stored.
struct HuggingFaceTensor {
  std::string name;  // "model.layers.0.self_attn.q_proj.weight"
  Sizes sizes;
};

// Where a parameter lies. As a matrix it is [rows, columns], its first dims (those of the output)
// flattened, and its last one (the input's), or for attention's output the last three. A vector has
// one column. It is the rows [first_row, first_row + rows) of the stored matrix, or with
// `transposed` the columns.
struct HuggingFacePart {
  std::string parameter;  // "layers.0.attn.q.weight"
  Sizes sizes;            // [kv_heads, group, head_dim, embed]
  size_t tensor = 0;      // index into HuggingFaceLayout::tensors
  int64_t rows = 0;
  int64_t columns = 1;
  int64_t first_row = 0;
  bool transposed = false;  // stored [in, out]: GPT-2's Conv1D
};

struct HuggingFaceLayout {
  std::vector<HuggingFaceTensor> tensors;  // in the order of the model; each filled by its parts
  std::vector<HuggingFacePart> parts;      // every parameter once
  // What the names begin with, but for the head's: files of a model without its head lack it.
  std::string base_prefix;
  std::string head;  // the name of the output projection, stored or tied
};

// Requires a model whose sizes were checked.
HuggingFaceLayout hugging_face_layout(const ModelConfig& model);

// Whether a file of this model may hold `name`, without the base prefix, besides its parameters:
// buffers that older versions stored (attention masks, rotary frequencies).
bool is_hugging_face_buffer(const ModelConfig& model, std::string_view name);

}  // namespace tutti
