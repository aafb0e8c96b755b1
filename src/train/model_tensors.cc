#include "train/model_tensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "program/stored.h"
#include "tensor/arena.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

// A tensor, and where its bytes begin.
struct PlacedTensor {
  ModelTensor tensor;
  Location location;
};

// The elements of a range, less those in padding rows, which are the last ones of any range.
std::vector<Box> boxes_of(const StoredRange& range, int64_t valid_rows) {
  int64_t end = range.end;
  if (valid_rows >= 0) {
    const int64_t rows = std::clamp<int64_t>(valid_rows - range.offsets[0], 0, range.sizes[0]);
    end = std::min(end, rows * (element_count(range.sizes) / range.sizes[0]));
  }
  std::vector<Box> boxes = flat_range_boxes(range.sizes, std::min(range.begin, end), end);
  for (Box& box : boxes) {
    for (size_t d = 0; d < box.offset.size(); ++d) box.offset[d] += range.offsets[d];
  }
  return boxes;
}

// What the elements that are held take in `dtype`.
size_t bytes_in(DType dtype, const ModelTensor& tensor) {
  int64_t elements = 0;
  for (const Box& box : tensor.boxes) elements += element_count(box.size);
  return static_cast<size_t>(elements) * dtype_bytes(dtype);
}

// The parameter, with suffix "" , or its state.
PlacedTensor placed_tensor(const Program& program, int rank, const StoredParameter& parameter,
                           const std::string& suffix, int64_t valid_rows) {
  const Buffer& buffer = program.buffer(program.find(parameter.buffer + suffix));
  const StoredRange range = stored_range(program, parameter, buffer, rank);
  PlacedTensor placed;
  placed.location = range.location;
  ModelTensor& tensor = placed.tensor;
  tensor.name = parameter.name + suffix;
  tensor.dtype = buffer.type.dtype;
  for (const Dim& dim : parameter.type.dims) tensor.sizes.push_back(dim.size);
  if (valid_rows >= 0) tensor.sizes[0] = valid_rows;
  tensor.boxes = boxes_of(range, valid_rows);
  tensor.written = range.first_replica && !tensor.boxes.empty();
  return placed;
}

std::vector<PlacedTensor> placed_tensors(const Program& program, int rank, const StepGraph& step,
                                         TensorSet set) {
  std::multimap<std::string, StoredParameter> stored;  // replicas of other stages, too
  for (StoredParameter& parameter : stored_parameters(program)) {
    stored.emplace(parameter.name, std::move(parameter));
  }
  std::vector<std::string> suffixes = {""};
  if (set == TensorSet::kParametersAndState) suffixes = {"", ".m", ".v"};
  std::vector<PlacedTensor> tensors;
  for (const ParameterInfo& info : step.model.parameters) {
    const std::string& name = step.graph.value(info.value).name;
    const auto [first, last] = stored.equal_range(name);
    TUTTI_CHECK(first != last || program.mesh.size(Axis::kPp) > 1, "no parameter {}", name);
    for (auto held = first; held != last; ++held) {
      for (const std::string& suffix : suffixes) {
        tensors.push_back(placed_tensor(program, rank, held->second, suffix, info.valid_rows));
      }
    }
  }
  return tensors;
}

// Between floating-point types, through F32.
void convert(DType from, std::span<const char> bytes, DType to, std::span<char> out) {
  std::array<float, 4096> wide;
  const size_t from_bytes = dtype_bytes(from), to_bytes = dtype_bytes(to);
  const size_t count = out.size() / to_bytes;
  for (size_t i = 0; i < count; i += wide.size()) {
    const auto part = std::span(wide).first(std::min(wide.size(), count - i));
    convert_to_f32(from, bytes.subspan(i * from_bytes, part.size() * from_bytes), part);
    convert_from_f32(to, part, out.subspan(i * to_bytes, part.size() * to_bytes));
  }
}

// Boxes of whole rows of a box, each of some `elements` at most, in its order.
std::vector<Box> rows_of(const Box& box, int64_t elements) {
  if (box.size.empty()) return {box};
  const int64_t row = element_count(box.size) / box.size[0];
  const int64_t rows = std::max<int64_t>(1, elements / std::max<int64_t>(1, row));
  std::vector<Box> parts;
  for (int64_t first = 0; first < box.size[0]; first += rows) {
    Box part = box;
    part.offset[0] += first;
    part.size[0] = std::min(rows, box.size[0] - first);
    parts.push_back(std::move(part));
  }
  return parts;
}

// Fills a tensor that is offloaded, piece by piece.
Status load_away(TensorSource& source, const ModelTensor& tensor, DType stored) {
  constexpr int64_t kPieceElements = 4 << 20;
  uint64_t written = 0;
  std::vector<char> read, converted;
  for (const Box& box : tensor.boxes) {
    for (const Box& part : rows_of(box, kPieceElements)) {
      const auto elements = static_cast<size_t>(element_count(part.size));
      read.resize(elements * dtype_bytes(stored));
      TUTTI_TRY(source.read_boxes(tensor.name, std::span(&part, 1), read));
      const bool same = stored == tensor.dtype;
      converted.resize(same ? 0 : elements * dtype_bytes(tensor.dtype));
      if (!same) convert(stored, read, tensor.dtype, converted);
      TUTTI_TRY(tensor.write(written, same ? read : converted));
      written += elements * dtype_bytes(tensor.dtype);
    }
  }
  return {};
}

}  // namespace

Status ModelTensor::read(uint64_t first, std::span<char> out) const {
  if (away.executor != nullptr) {
    return away.executor->read(away.location + static_cast<int64_t>(first), out);
  }
  std::memcpy(out.data(), bytes.data() + first, out.size());
  return {};
}

Status ModelTensor::write(uint64_t first, std::span<const char> in) const {
  if (away.executor != nullptr) {
    return away.executor->write(away.location + static_cast<int64_t>(first), in);
  }
  std::memcpy(bytes.data() + first, in.data(), in.size());
  return {};
}

std::vector<ModelTensor> model_tensors(Executor& executor, size_t program, const StepGraph& step,
                                       TensorSet set) {
  std::vector<ModelTensor> tensors;
  for (auto& [tensor, location] :
       placed_tensors(executor.program(program), executor.rank(), step, set)) {
    const size_t bytes = bytes_in(tensor.dtype, tensor);
    if (location.offloaded) {
      tensor.away = {&executor, location, bytes};
    } else {
      tensor.bytes = {executor.at(location), bytes};
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

int64_t total_bytes(const std::vector<ModelTensor>& tensors) {
  int64_t bytes = 0;
  for (const ModelTensor& tensor : tensors) bytes += static_cast<int64_t>(tensor.byte_count());
  return bytes;
}

std::vector<SnapshotTensor> snapshot_tensors(const std::vector<ModelTensor>& tensors) {
  std::vector<SnapshotTensor> result;
  for (const ModelTensor& tensor : tensors) {
    if (!tensor.written) continue;
    result.push_back({.name = tensor.name,
                      .dtype = tensor.dtype,
                      .sizes = tensor.sizes,
                      .boxes = tensor.boxes,
                      .bytes = std::span<const char>(tensor.bytes)});
    if (tensor.away.executor == nullptr) continue;
    result.back().read_bytes = tensor.away.bytes;
    result.back().read = [tensor](uint64_t first, std::span<char> out) {
      return tensor.read(first, out);
    };
  }
  return result;
}

int64_t snapshot_bytes(const Program& program, int rank, const StepGraph& step, TensorSet set) {
  int64_t bytes = 0;
  for (const auto& [tensor, location] : placed_tensors(program, rank, step, set)) {
    if (tensor.written) bytes += static_cast<int64_t>(bytes_in(tensor.dtype, tensor));
  }
  return bytes;
}

Status load_tensors(TensorSource& source, const std::vector<ModelTensor>& tensors,
                    StoredAs stored_as) {
  size_t largest = 0;  // of those that are converted
  for (const ModelTensor& tensor : tensors) {
    TUTTI_TRY(check_stored(source, tensor.name, {tensor.dtype, tensor.sizes}, stored_as));
    const DType stored = source.type_of(tensor.name)->dtype;
    const bool buffered = stored != tensor.dtype && tensor.away.executor == nullptr;
    if (buffered) largest = std::max(largest, bytes_in(stored, tensor));
  }
  TUTTI_ASSIGN(const Arena buffer, Arena::create(largest));
  for (const ModelTensor& tensor : tensors) {
    const DType stored = source.type_of(tensor.name)->dtype;
    if (tensor.away.executor != nullptr) {
      TUTTI_TRY(load_away(source, tensor, stored));
      continue;
    }
    if (stored == tensor.dtype) {
      TUTTI_TRY(source.read_boxes(tensor.name, tensor.boxes, tensor.bytes));
      continue;
    }
    const std::span<char> bytes{buffer.data(), bytes_in(stored, tensor)};
    TUTTI_TRY(source.read_boxes(tensor.name, tensor.boxes, bytes));
    convert(stored, bytes, tensor.dtype, tensor.bytes);
  }
  return {};
}

}  // namespace tutti
