#include "checkpoint/hugging_face_directory.h"

#include <algorithm>
#include <array>

#include "checkpoint/hugging_face_files.h"
#include "checkpoint/hugging_face_index.h"
#include "models/hugging_face_config.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

bool is_float(const SafetensorsTensor& tensor) {
  return tensor.foreign_dtype.empty() &&
         (tensor.dtype == DType::kF32 || tensor.dtype == DType::kF16 ||
          tensor.dtype == DType::kBF16);
}

std::string stored_dtype_name(const SafetensorsTensor& tensor) {
  if (!tensor.foreign_dtype.empty()) return tensor.foreign_dtype;
  return std::string(dtype_info(tensor.dtype).safetensors);
}

// A range of a part's rows and columns.
struct Block {
  int64_t row, rows, column, columns;
};

// That of a part of a stored [columns, all_rows] matrix, turned into values[rows, columns].
void read_transposed(const HuggingFacePart& part, DType dtype, std::span<const char> stored,
                     const Block& block, std::span<float> values) {
  const auto rows = static_cast<size_t>(block.rows), columns = static_cast<size_t>(block.columns);
  const size_t element = dtype_bytes(dtype);
  const size_t stored_row = stored.size() / static_cast<size_t>(part.columns);  // bytes
  stored = stored.subspan(static_cast<size_t>(block.column) * stored_row +
                          static_cast<size_t>(part.first_row + block.row) * element);
  constexpr size_t kTile = 32;  // so that the lines of both sides stay in the cache
  std::array<float, kTile> line;
  for (size_t row = 0; row < rows; row += kTile) {
    const size_t count = std::min(kTile, rows - row);
    for (size_t column = 0; column < columns; ++column) {
      convert_to_f32(dtype, stored.subspan(column * stored_row + row * element, count * element),
                     std::span(line).first(count));
      for (size_t i = 0; i < count; ++i) values[(row + i) * columns + column] = line[i];
    }
  }
}

// Elements [from, from + values.size()) of such a part, row after row.
void read_transposed_run(const HuggingFacePart& part, DType dtype, std::span<const char> stored,
                         int64_t from, std::span<float> values) {
  while (!values.empty()) {
    const auto left = static_cast<int64_t>(values.size());
    const int64_t column = from % part.columns;
    Block block{from / part.columns, 1, column, std::min(part.columns - column, left)};
    if (block.columns == part.columns) block.rows = left / part.columns;
    const int64_t count = block.rows * block.columns;
    read_transposed(part, dtype, stored, block, values.first(static_cast<size_t>(count)));
    from += count;
    values = values.subspan(static_cast<size_t>(count));
  }
}

}  // namespace

Result<HuggingFaceDirectory> HuggingFaceDirectory::open(FileSystem& fs,
                                                        const std::string& directory) {
  HuggingFaceDirectory result;
  result.directory_ = directory;
  TUTTI_ASSIGN(result.model_, read_hugging_face_model(fs, directory));
  TUTTI_TRY(result.open_files(fs));
  result.layout_ = hugging_face_layout(result.model_);
  TUTTI_TRY(result.match_layout());
  return result;
}

Status HuggingFaceDirectory::open_files(FileSystem& fs) {
  if (exists(fs, join_path(directory_, kHuggingFaceSingleName))) {
    return open_file(fs, kHuggingFaceSingleName);
  }
  const std::string path = join_path(directory_, kHuggingFaceIndexName);
  if (!exists(fs, path)) {
    const bool pickled = exists(fs, join_path(directory_, "pytorch_model.bin")) ||
                         exists(fs, join_path(directory_, "pytorch_model.bin.index.json"));
    return not_found("{}: neither {} nor {} is there{}", directory_, kHuggingFaceSingleName,
                     kHuggingFaceIndexName,
                     pickled ? "; pytorch_model.bin is a pickle, which could run any code: save "
                               "the model as safetensors"
                             : "");
  }
  TUTTI_ASSIGN(const std::string text, read_hugging_face_file(fs, path, kHuggingFaceIndexBytesMax));
  TUTTI_ASSIGN(const HuggingFaceIndex index, parse_hugging_face_index(text, path));
  std::map<std::string, std::string> named_by;  // a tensor, for each file
  for (const auto& [tensor, file] : index.file_of) named_by.emplace(file, tensor);
  for (const auto& [file, tensor] : named_by) {
    if (!exists(fs, join_path(directory_, file))) {
      return not_found("{}: tensor \"{}\" is in {}, which is not there", path, tensor, file);
    }
    TUTTI_TRY(open_file(fs, file));
  }
  return check_index(index.file_of, path);
}

Status HuggingFaceDirectory::open_file(FileSystem& fs, const std::string& name) {
  const std::string path = join_path(directory_, name);
  TUTTI_TRY(check_hugging_face_file(fs, path));
  TUTTI_ASSIGN(SafetensorsReader file,
               SafetensorsReader::map(fs, path, SafetensorsDTypes::kPublished));
  const auto format = file.header().metadata.find("format");
  if (format != file.header().metadata.end() && format->second != "pt") {
    return invalid("{}: metadata format = \"{}\" is not supported, expected \"pt\"", path,
                   format->second);
  }
  files_.push_back(std::move(file));
  for (const SafetensorsTensor& tensor : files_.back().tensors()) {
    const Stored stored{files_.size() - 1, &tensor};
    const auto [found, added] = stored_.try_emplace(tensor.name, stored);
    if (!added) {
      return corrupt("{}: tensor \"{}\" is also in {}", path, tensor.name,
                     files_[found->second.file].path());
    }
  }
  return {};
}

Status HuggingFaceDirectory::check_index(const std::map<std::string, std::string>& file_of,
                                         const std::string& path) const {
  for (const auto& [tensor, file] : file_of) {
    const auto found = stored_.find(tensor);
    if (found == stored_.end() || base_name(files_[found->second.file].path()) != file) {
      return corrupt("{}: tensor \"{}\" is not in {}", path, tensor, file);
    }
  }
  for (const auto& [tensor, stored] : stored_) {
    if (!file_of.contains(tensor)) {
      return corrupt("{}: tensor \"{}\" of {} is missing", path, tensor,
                     base_name(files_[stored.file].path()));
    }
  }
  return {};
}

std::string HuggingFaceDirectory::stored_name(const std::string& layout_name) const {
  const std::string& prefix = layout_.base_prefix;
  if (has_prefix_ || !layout_name.starts_with(prefix)) return layout_name;
  return layout_name.substr(prefix.size());
}

Status HuggingFaceDirectory::match_layout() {
  has_prefix_ = std::any_of(stored_.begin(), stored_.end(), [&](const auto& entry) {
    return entry.first.starts_with(layout_.base_prefix);
  });
  for (const HuggingFaceTensor& wanted : layout_.tensors) {
    const auto found = stored_.find(stored_name(wanted.name));
    if (found == stored_.end()) {
      return corrupt("{}: tensor \"{}\" {} is missing", directory_, stored_name(wanted.name),
                     sizes_text(wanted.sizes));
    }
    TUTTI_TRY(check_tensor(wanted, found->second));
    of_layout_.push_back(found->second);
  }
  for (size_t i = 0; i < layout_.parts.size(); ++i) part_of_[layout_.parts[i].parameter] = i;
  uint64_t largest = 0;
  std::map<DType, uint64_t> bytes_of;
  for (const Stored& stored : of_layout_) {
    uint64_t& bytes = bytes_of[stored.tensor->dtype];
    bytes += stored.tensor->bytes;
    if (bytes > largest) stored_dtype_ = stored.tensor->dtype;
    largest = std::max(largest, bytes);
  }
  return check_surplus();
}

Status HuggingFaceDirectory::check_tensor(const HuggingFaceTensor& wanted, const Stored& stored) {
  const SafetensorsTensor& tensor = *stored.tensor;
  const std::string& path = files_[stored.file].path();
  if (tensor.sizes != wanted.sizes) {
    return corrupt("{}: tensor \"{}\" is {}, {} says {}", path, tensor.name,
                   sizes_text(tensor.sizes), kHuggingFaceConfigName, sizes_text(wanted.sizes));
  }
  if (is_float(tensor)) return {};
  return invalid("{}: tensor \"{}\" has dtype {}, expected F32, F16 or BF16", path, tensor.name,
                 stored_dtype_name(tensor));
}

Status HuggingFaceDirectory::check_surplus() const {
  if (stored_.size() == of_layout_.size()) return {};
  std::unordered_map<std::string_view, bool> known;
  for (const Stored& stored : of_layout_) known[stored.tensor->name] = true;
  std::vector<std::string> surplus;
  for (const auto& [name, stored] : stored_) {
    if (known.contains(name)) continue;
    if (model_.tied_embeddings && name == layout_.head) {
      if (repeats_embedding(stored)) continue;
      return corrupt(
          "{}: tensor \"{}\" is not the embedding, but {} has tie_word_embeddings = true",
          files_[stored.file].path(), name, kHuggingFaceConfigName);
    }
    std::string_view bare = name;
    if (bare.starts_with(layout_.base_prefix)) bare.remove_prefix(layout_.base_prefix.size());
    if (!is_hugging_face_buffer(model_, bare)) surplus.push_back(name);
  }
  if (surplus.empty()) return {};
  const std::string& first = *std::min_element(surplus.begin(), surplus.end());
  const std::string more =
      surplus.size() == 1 ? "" : fmt::format(" (and {} more)", surplus.size() - 1);
  return corrupt("{}: tensor \"{}\"{} is not one of the model that {} describes",
                 files_[stored_.at(first).file].path(), first, more, kHuggingFaceConfigName);
}

// A tied model's file may hold the output projection all the same: the embedding once more.
bool HuggingFaceDirectory::repeats_embedding(const Stored& head) const {
  const Stored& embedding = of_layout_[layout_.parts[part_of_.at("embed.weight")].tensor];
  const SafetensorsTensor &a = *head.tensor, &b = *embedding.tensor;
  if (a.dtype != b.dtype || a.foreign_dtype != b.foreign_dtype || a.sizes != b.sizes) return false;
  const std::span<const char> x = files_[head.file].bytes(a), y = files_[embedding.file].bytes(b);
  return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

std::optional<TensorType> HuggingFaceDirectory::type_of(const std::string& name) const {
  const auto found = part_of_.find(name);
  if (found == part_of_.end()) return std::nullopt;
  return TensorType{DType::kF32, layout_.parts[found->second].sizes};
}

Status HuggingFaceDirectory::read(const std::string& name, std::span<char> out) {
  const auto found = part_of_.find(name);
  if (found == part_of_.end()) return not_found("{}: no parameter \"{}\"", directory_, name);
  const HuggingFacePart& part = layout_.parts[found->second];
  const Stored& stored = of_layout_[part.tensor];
  const DType dtype = stored.tensor->dtype;
  const auto elements = static_cast<size_t>(part.rows * part.columns);
  TUTTI_CHECK(out.size() == elements * sizeof(float), "parameter \"{}\": room for {} bytes", name,
              out.size());
  const std::span values(reinterpret_cast<float*>(out.data()), elements);
  const std::span<const char> bytes = files_[stored.file].bytes(*stored.tensor);
  if (part.transposed) {
    read_transposed_run(part, dtype, bytes, 0, values);
    return {};
  }
  const size_t element = dtype_bytes(dtype);
  const auto first = static_cast<size_t>(part.first_row * part.columns);
  convert_to_f32(dtype, bytes.subspan(first * element, elements * element), values);
  return {};
}

// One that is stored transposed is turned whole where its boxes are of many short runs.
Status HuggingFaceDirectory::read_boxes(const std::string& name, std::span<const Box> boxes,
                                        std::span<char> out) {
  const auto found = part_of_.find(name);
  if (found == part_of_.end()) return TensorSource::read_boxes(name, boxes, out);
  const HuggingFacePart& part = layout_.parts[found->second];
  const std::string what = fmt::format("{}: parameter \"{}\"", directory_, name);
  if (part.transposed) {
    size_t runs = 0;
    TUTTI_TRY(for_each_run_of(boxes, part.sizes, what, [&](int64_t, int64_t, int64_t) { ++runs; }));
    if (runs > boxes.size()) return TensorSource::read_boxes(name, boxes, out);
  }
  const Stored& stored = of_layout_[part.tensor];
  const DType dtype = stored.tensor->dtype;
  const size_t element = dtype_bytes(dtype);
  const auto first = static_cast<size_t>(part.first_row * part.columns);
  const std::span<const char> bytes = files_[stored.file].bytes(*stored.tensor);
  const std::span values(reinterpret_cast<float*>(out.data()), out.size() / sizeof(float));
  return for_each_run_of(boxes, part.sizes, what, [&](int64_t from, int64_t to, int64_t count) {
    const size_t elements = static_cast<size_t>(count);
    const std::span run = values.subspan(static_cast<size_t>(to), elements);
    if (part.transposed) return read_transposed_run(part, dtype, bytes, from, run);
    convert_to_f32(dtype,
                   bytes.subspan((first + static_cast<size_t>(from)) * element, elements * element),
                   run);
  });
}

Result<ModelConfig> read_hugging_face_model(FileSystem& fs, const std::string& directory) {
  const std::string path = join_path(directory, kHuggingFaceConfigName);
  TUTTI_ASSIGN(const std::string text,
               read_hugging_face_file(fs, path, kHuggingFaceConfigBytesMax));
  return parse_hugging_face_config(text, path);
}

bool is_hugging_face_directory(FileSystem& fs, const std::string& path) {
  return exists(fs, join_path(path, kHuggingFaceConfigName));
}

}  // namespace tutti
