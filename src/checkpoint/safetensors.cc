#include "checkpoint/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>

#include "base/json.h"
#include "checkpoint/box.h"

namespace tutti {

namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr uint64_t kPrefixBytes = 8;

struct ForeignDType {
  std::string_view name;
  uint64_t bytes;
};

constexpr ForeignDType kForeignDTypes[] = {{"BOOL", 1},    {"I8", 1},      {"F8_E5M2", 1},
                                           {"F8_E4M3", 1}, {"F8_E8M0", 1}, {"I16", 2},
                                           {"U32", 4},     {"U64", 8},     {"C64", 8}};

// Sets the tensor's dtype; the bytes of an element.
Result<uint64_t> parse_safetensors_dtype(const std::string& name, SafetensorsDTypes dtypes,
                                         std::string_view what, SafetensorsTensor& tensor) {
  for (const DTypeInfo& info : kDTypes) {
    if (info.safetensors != name) continue;
    tensor.dtype = info.dtype;
    return uint64_t{info.bytes};
  }
  for (const ForeignDType& foreign : kForeignDTypes) {
    if (foreign.name != name || dtypes == SafetensorsDTypes::kOurs) continue;
    tensor.foreign_dtype = name;
    return foreign.bytes;
  }
  return corrupt(
      "{}: dtype \"{}\" is not supported, expected one of F32 BF16 F16 F64 I64 I32 U16 U8", what,
      name);
}

Result<SafetensorsTensor> parse_tensor(const std::string& name, const Json& entry,
                                       uint64_t data_bytes, SafetensorsDTypes dtypes,
                                       std::string_view path) {
  const std::string what = fmt::format("{}: tensor \"{}\"", path, name);
  TUTTI_TRY(json_only_keys(entry, {"dtype", "shape", "data_offsets"}, what));
  SafetensorsTensor tensor{.name = name};
  TUTTI_ASSIGN(const std::string dtype, json_string(entry, "dtype", what));
  TUTTI_ASSIGN(const uint64_t element_bytes, parse_safetensors_dtype(dtype, dtypes, what, tensor));
  TUTTI_ASSIGN(const Json* shape, json_array(entry, "shape", what));
  TUTTI_ASSIGN(tensor.sizes, json_sizes(*shape, what + " shape"));
  TUTTI_ASSIGN(const Json* offsets, json_array(entry, "data_offsets", what));
  TUTTI_ASSIGN(const Sizes range, json_sizes(*offsets, what + " data_offsets"));
  if (range.size() != 2 || range[0] > range[1]) {
    return corrupt("{}: data_offsets are {}, expected [begin, end]", what, offsets->dump());
  }
  if (static_cast<uint64_t>(range[1]) > data_bytes) {
    return corrupt("{}: data_offsets end at {}, the file holds {} bytes of data", what, range[1],
                   data_bytes);
  }
  const DType widest = tensor.foreign_dtype.empty() ? tensor.dtype : DType::kF64;
  const Result<int64_t> count = checked_element_count(tensor.sizes, widest);
  if (!count.ok()) return corrupt("{}: {}", what, count.message());
  const int64_t bytes = count.value() * static_cast<int64_t>(element_bytes);
  if (bytes != range[1] - range[0]) {
    return corrupt("{}: shape {} of {} takes {} bytes, data_offsets hold {}", what, shape->dump(),
                   dtype, bytes, range[1] - range[0]);
  }
  tensor.offset = static_cast<uint64_t>(range[0]);
  tensor.bytes = static_cast<uint64_t>(bytes);
  return tensor;
}

Result<std::map<std::string, std::string>> parse_metadata(const Json& object,
                                                          std::string_view path) {
  if (!object.is_object()) {
    return corrupt("{}: __metadata__ is of type {}, expected an object", path, object.type_name());
  }
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : object.members()) {
    if (!value.is_string()) {
      return corrupt("{}: __metadata__ \"{}\" is of type {}, expected a string", path, key,
                     value.type_name());
    }
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// Requires tensors sorted by offset.
Status check_no_gap_or_overlap(const std::vector<SafetensorsTensor>& tensors, uint64_t data_bytes,
                               std::string_view path) {
  uint64_t end = 0;
  for (const SafetensorsTensor& tensor : tensors) {
    if (tensor.offset != end) {
      return corrupt("{}: tensor \"{}\" begins at byte {} of the data, expected {}: {}", path,
                     tensor.name, tensor.offset, end,
                     tensor.offset < end ? "it overlaps another" : "there is a gap before it");
    }
    end = tensor.offset + tensor.bytes;
  }
  if (end != data_bytes) {
    return corrupt("{}: the tensors end at byte {} of the data, which has {}", path, end,
                   data_bytes);
  }
  return {};
}

// The header's length, from the first 8 bytes of a file of `file_bytes`.
Result<uint64_t> header_length(const char* prefix, uint64_t file_bytes, const std::string& path) {
  uint64_t length = 0;
  std::memcpy(&length, prefix, kPrefixBytes);
  if (length > kSafetensorsHeaderBytesMax) {
    return corrupt("{}: the header's length is {}, the limit is {}", path, length,
                   kSafetensorsHeaderBytesMax);
  }
  if (length > file_bytes - kPrefixBytes) {
    return corrupt("{}: the header's length is {}, but only {} bytes follow", path, length,
                   file_bytes - kPrefixBytes);
  }
  return length;
}

Status check_has_prefix(uint64_t file_bytes, const std::string& path) {
  if (file_bytes >= kPrefixBytes) return {};
  return corrupt("{}: the file has {} bytes, a safetensors file at least {}", path, file_bytes,
                 kPrefixBytes);
}

}  // namespace

Result<SafetensorsHeader> parse_safetensors_header(std::string_view text, uint64_t data_bytes,
                                                   std::string_view path,
                                                   SafetensorsDTypes dtypes) {
  if (text.empty() || text.front() != '{') {
    return corrupt("{}: the header does not begin with '{{'", path);
  }
  TUTTI_ASSIGN(const Json document, parse_json(text, fmt::format("{}: header", path)));
  SafetensorsHeader header;
  for (const auto& [name, entry] : document.members()) {
    if (name == "__metadata__") {
      TUTTI_ASSIGN(header.metadata, parse_metadata(entry, path));
      continue;
    }
    TUTTI_ASSIGN(SafetensorsTensor tensor, parse_tensor(name, entry, data_bytes, dtypes, path));
    header.tensors.push_back(std::move(tensor));
  }
  // Tensors without elements share an offset with their neighbour and come before it.
  std::sort(header.tensors.begin(), header.tensors.end(),
            [](const SafetensorsTensor& a, const SafetensorsTensor& b) {
              return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
            });
  TUTTI_TRY(check_no_gap_or_overlap(header.tensors, data_bytes, path));
  return header;
}

Result<SafetensorsReader> SafetensorsReader::open(FileSystem& fs, const std::string& path) {
  SafetensorsReader reader;
  reader.path_ = path;
  TUTTI_ASSIGN(reader.file_, fs.open(path));
  const uint64_t file_bytes = reader.file_->size();
  TUTTI_TRY(check_has_prefix(file_bytes, path));
  std::string head(kPrefixBytes, '\0');
  TUTTI_TRY(reader.file_->read_at(0, head));
  TUTTI_ASSIGN(const uint64_t length, header_length(head.data(), file_bytes, path));
  head.resize(kPrefixBytes + length);
  TUTTI_TRY(reader.file_->read_at(kPrefixBytes, std::span(head).subspan(kPrefixBytes)));
  reader.data_bytes_ = file_bytes - head.size();
  TUTTI_TRY(reader.index_header(head));
  return reader;
}

Result<SafetensorsReader> SafetensorsReader::map(FileSystem& fs, const std::string& path,
                                                 SafetensorsDTypes dtypes) {
  SafetensorsReader reader;
  reader.path_ = path;
  TUTTI_ASSIGN(reader.mapping_, fs.map(path));
  const std::span<const char> all = reader.mapping_->bytes();
  TUTTI_TRY(check_has_prefix(all.size(), path));
  TUTTI_ASSIGN(const uint64_t length, header_length(all.data(), all.size(), path));
  reader.data_bytes_ = all.size() - kPrefixBytes - length;
  TUTTI_TRY(reader.index_header({all.data(), kPrefixBytes + length}, dtypes));
  return reader;
}

Status SafetensorsReader::index_header(std::string_view prefix_and_header,
                                       SafetensorsDTypes dtypes) {
  data_start_ = prefix_and_header.size();
  header_digest_ = digest_of(prefix_and_header);
  TUTTI_ASSIGN(header_, parse_safetensors_header(prefix_and_header.substr(kPrefixBytes),
                                                 data_bytes_, path_, dtypes));
  for (size_t i = 0; i < header_.tensors.size(); ++i) by_name_[header_.tensors[i].name] = i;
  return {};
}

const SafetensorsTensor* SafetensorsReader::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &header_.tensors[found->second];
}

Status SafetensorsReader::read(const SafetensorsTensor& tensor, uint64_t offset,
                               std::span<char> out) {
  TUTTI_CHECK(offset <= tensor.bytes && out.size() <= tensor.bytes - offset,
              "{}: {} bytes at {} of tensor \"{}\", which has {}", path_, out.size(), offset,
              tensor.name, tensor.bytes);
  if (mapping_ == nullptr) return file_->read_at(data_start_ + tensor.offset + offset, out);
  if (!out.empty()) std::memcpy(out.data(), bytes(tensor).data() + offset, out.size());
  return {};
}

std::span<const char> SafetensorsReader::bytes(const SafetensorsTensor& tensor) const {
  TUTTI_CHECK(mapping_ != nullptr, "{}: opened for reading, not mapped", path_);
  return mapping_->bytes().subspan(data_start_ + tensor.offset, tensor.bytes);
}

}  // namespace tutti
