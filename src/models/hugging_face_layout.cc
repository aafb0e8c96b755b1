#include "models/hugging_face_layout.h"

#include <algorithm>

#include "models/hugging_face_table.h"

namespace tutti {
namespace {

const HuggingFaceTable& table_of(const ModelConfig& model) {
  return model.architecture == Architecture::kGpt2 ? gpt2_hugging_face() : llama_hugging_face();
}

Sizes sizes_of(Extent extent, const ModelConfig& m) {
  switch (extent) {
    case Extent::kNone:
      return {};
    case Extent::kEmbed:
      return {m.embed};
    case Extent::kQuery:
      return {m.kv_heads, m.heads / m.kv_heads, m.head_dim};
    case Extent::kKey:
      return {m.kv_heads, m.head_dim};
    case Extent::kHeadDim:
      return {m.head_dim};
    case Extent::kMlp:
      return {m.mlp};
    case Extent::kVocab:
      return {m.vocab};
    case Extent::kContext:
      return {m.context};
  }
  return {};
}

class LayoutBuilder {
 public:
  explicit LayoutBuilder(const ModelConfig& model) : model_(model) {}

  void add(const HuggingFaceRow& row, const std::string& parameter_prefix,
           const std::string& tensor_prefix) {
    if (row.present != nullptr && !row.present(model_)) return;
    const Sizes out = sizes_of(row.out, model_), in = sizes_of(row.in, model_);
    HuggingFacePart part;
    part.parameter = parameter_prefix + std::string(row.parameter);
    part.sizes = out;
    part.sizes.insert(part.sizes.end(), in.begin(), in.end());
    part.rows = element_count(out);
    part.columns = element_count(in);
    part.transposed = row.transposed;
    const int64_t stored_rows = row.third < 0 ? part.rows : 3 * part.rows;
    if (row.third > 0) part.first_row = row.third * part.rows;
    Sizes stored{stored_rows};
    if (!in.empty()) stored.insert(row.transposed ? stored.begin() : stored.end(), part.columns);
    part.tensor = tensor(tensor_prefix + std::string(row.tensor), stored);
    layout.parts.push_back(std::move(part));
  }

  HuggingFaceLayout layout;

 private:
  // The index of a tensor, which is new or was named by a row shortly before.
  size_t tensor(std::string name, const Sizes& sizes) {
    constexpr size_t kRecent = 8;
    std::vector<HuggingFaceTensor>& tensors = layout.tensors;
    const size_t begin = tensors.size() > kRecent ? tensors.size() - kRecent : 0;
    for (size_t i = begin; i < tensors.size(); ++i) {
      if (tensors[i].name == name) return i;
    }
    tensors.push_back({std::move(name), sizes});
    return tensors.size() - 1;
  }

  const ModelConfig& model_;
};

}  // namespace

HuggingFaceLayout hugging_face_layout(const ModelConfig& model) {
  const HuggingFaceTable& table = table_of(model);
  LayoutBuilder builder(model);
  const std::string base(table.base_prefix);
  builder.layout.base_prefix = base;
  builder.layout.head = table.head;
  for (const HuggingFaceRow& row : table.first) builder.add(row, "", base);
  for (int64_t i = 0; i < model.layers; ++i) {
    const std::string layer = fmt::format("{}{}{}.", base, table.layer_prefix, i);
    for (const HuggingFaceRow& row : table.layer) {
      builder.add(row, fmt::format("layers.{}.", i), layer);
    }
  }
  for (const HuggingFaceRow& row : table.last) builder.add(row, "", base);
  if (!model.tied_embeddings) {
    builder.add({"head.weight", table.head, Extent::kVocab, Extent::kEmbed}, "", "");
  }
  return std::move(builder.layout);
}

bool is_hugging_face_buffer(const ModelConfig& model, std::string_view name) {
  const HuggingFaceTable& table = table_of(model);
  return std::any_of(table.buffers.begin(), table.buffers.end(),
                     [&](std::string_view end) { return name.ends_with(end); });
}

}  // namespace tutti
