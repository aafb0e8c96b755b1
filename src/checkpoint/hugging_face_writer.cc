#include "checkpoint/hugging_face_writer.h"

#include <algorithm>
#include <cmath>

#include "checkpoint/hugging_face_index.h"
#include "checkpoint/safetensors_writer.h"
#include "models/hugging_face_layout.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

using Parts = std::vector<std::vector<const HuggingFacePart*>>;  // by index of the layout's tensor

uint64_t stored_bytes(const HuggingFaceTensor& tensor, DType dtype) {
  return static_cast<uint64_t>(element_count(tensor.sizes)) * dtype_bytes(dtype);
}

// The tensors of each file, by index, in the order of the model.
std::vector<std::vector<size_t>> cut_into_shards(const HuggingFaceLayout& layout,
                                                 const HuggingFaceWeightOptions& options) {
  std::vector<std::vector<size_t>> shards(1);
  uint64_t filled = 0;
  for (size_t i = 0; i < layout.tensors.size(); ++i) {
    const uint64_t bytes = stored_bytes(layout.tensors[i], options.dtype);
    if (!shards.back().empty() && bytes > options.shard_bytes_max - filled) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().push_back(i);
    filled = std::min(options.shard_bytes_max, filled + bytes);
  }
  return shards;
}

std::string file_name(size_t shard, size_t shards) {
  return shards == 1 ? kHuggingFaceSingleName : hugging_face_shard_name(shard + 1, shards);
}

std::span<char> bytes_of(std::span<float> values) {
  return {reinterpret_cast<char*>(values.data()), values.size_bytes()};
}

// Puts values[rows, columns] into their columns of stored[columns, all rows].
void place_transposed(const HuggingFacePart& part, std::span<const float> values,
                      std::span<float> stored) {
  const auto rows = static_cast<size_t>(part.rows), columns = static_cast<size_t>(part.columns);
  const size_t stored_rows = stored.size() / columns;
  constexpr size_t kTile = 32;  // so that the lines of both sides stay in the cache
  for (size_t begin = 0; begin < rows; begin += kTile) {
    const size_t end = std::min(rows, begin + kTile);
    for (size_t column = 0; column < columns; ++column) {
      float* line = stored.data() + column * stored_rows + static_cast<size_t>(part.first_row);
      for (size_t row = begin; row < end; ++row) line[row] = values[row * columns + column];
    }
  }
}

// All of a stored tensor from its parts.
Status read_stored(TensorSource& source, const std::vector<const HuggingFacePart*>& parts,
                   std::vector<float>& stored, std::vector<float>& values) {
  for (const HuggingFacePart* part : parts) {
    const auto elements = static_cast<size_t>(part->rows * part->columns);
    if (!part->transposed) {
      const auto first = static_cast<size_t>(part->first_row * part->columns);
      const std::span<float> place = std::span(stored).subspan(first, elements);
      TUTTI_TRY(source.read(part->parameter, bytes_of(place)));
      continue;
    }
    values.resize(elements);
    TUTTI_TRY(source.read(part->parameter, bytes_of(values)));
    place_transposed(*part, values, stored);
  }
  return {};
}

// Rounding to infinity would make a model that gives no text.
Status check_range(const HuggingFaceTensor& tensor, std::span<const float> values, DType dtype) {
  if (dtype != DType::kF16) return {};
  for (const float value : values) {
    if (std::isinf(f16_to_f32(f32_to_f16(value))) && !std::isinf(value)) {
      return invalid("tensor \"{}\" holds {}, which is beyond f16; export f32 or bf16", tensor.name,
                     value);
    }
  }
  return {};
}

Status write_shard(FileSystem& fs, const std::string& path, const HuggingFaceLayout& layout,
                   const Parts& parts, std::vector<size_t> tensors, TensorSource& source,
                   const HuggingFaceWeightOptions& options) {
  const DType dtype = options.dtype;
  std::sort(tensors.begin(), tensors.end(),
            [&](size_t a, size_t b) { return layout.tensors[a].name < layout.tensors[b].name; });
  std::vector<SafetensorsDeclaration> declarations;
  for (const size_t i : tensors) {
    declarations.push_back({layout.tensors[i].name, dtype, layout.tensors[i].sizes});
  }
  TUTTI_ASSIGN(SafetensorsWriter writer,
               SafetensorsWriter::create(fs, path, declarations, {{"format", "pt"}}));
  std::vector<float> stored, values;
  std::vector<char> converted;
  for (const size_t i : tensors) {
    if (options.stop_requested && options.stop_requested()) {
      return error(ErrorKind::kInterrupted, "asked to stop: {} stays as it was", parent_path(path));
    }
    const HuggingFaceTensor& tensor = layout.tensors[i];
    stored.resize(static_cast<size_t>(element_count(tensor.sizes)));
    TUTTI_TRY(read_stored(source, parts[i], stored, values));
    TUTTI_TRY(check_range(tensor, stored, dtype));
    converted.resize(stored_bytes(tensor, dtype));
    convert_from_f32(dtype, stored, converted);
    TUTTI_TRY(writer.append(converted));
  }
  return writer.finish().status();
}

}  // namespace

HuggingFaceWeightPlan plan_hugging_face_weights(const ModelConfig& model,
                                                const HuggingFaceWeightOptions& options) {
  const HuggingFaceLayout layout = hugging_face_layout(model);
  const size_t shards = cut_into_shards(layout, options).size();
  HuggingFaceWeightPlan plan;
  for (size_t i = 0; i < shards; ++i) plan.files.push_back(file_name(i, shards));
  if (shards > 1) plan.files.emplace_back(kHuggingFaceIndexName);
  for (const HuggingFaceTensor& tensor : layout.tensors) {
    plan.total_bytes += stored_bytes(tensor, options.dtype);
    plan.total_parameters += element_count(tensor.sizes);
  }
  return plan;
}

Status write_hugging_face_weights(FileSystem& fs, StagedFiles& files, const ModelConfig& model,
                                  TensorSource& source, const HuggingFaceWeightOptions& options) {
  const HuggingFaceLayout layout = hugging_face_layout(model);
  for (const HuggingFacePart& part : layout.parts) {
    TUTTI_TRY(check_stored(source, part.parameter, {DType::kF32, part.sizes}));
  }
  Parts parts(layout.tensors.size());
  for (const HuggingFacePart& part : layout.parts) parts[part.tensor].push_back(&part);
  const auto shards = cut_into_shards(layout, options);
  HuggingFaceIndex index;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = file_name(i, shards.size());
    TUTTI_TRY(write_shard(fs, files.stage(name), layout, parts, shards[i], source, options));
    for (const size_t tensor : shards[i]) index.file_of[layout.tensors[tensor].name] = name;
  }
  if (shards.size() == 1) return {};
  const HuggingFaceWeightPlan plan = plan_hugging_face_weights(model, options);
  TUTTI_ASSIGN(const std::string text,
               format_hugging_face_index(index, plan.total_bytes, plan.total_parameters));
  return files.write(kHuggingFaceIndexName, text);
}

bool is_hugging_face_weight_name(std::string_view name) {
  return name == kHuggingFaceSingleName || name == kHuggingFaceIndexName ||
         is_hugging_face_shard_name(name);
}

Result<std::vector<std::string>> hugging_face_weight_files(FileSystem& fs,
                                                           const std::string& directory) {
  std::vector<std::string> names;
  if (!exists(fs, directory)) return names;
  TUTTI_ASSIGN(const std::vector<DirectoryEntry> entries, fs.list(directory));
  for (const DirectoryEntry& entry : entries) {
    if (is_hugging_face_weight_name(entry.name)) names.push_back(entry.name);
  }
  return names;
}

}  // namespace tutti
