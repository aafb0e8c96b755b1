#include "collective/mesh.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/status.h"

namespace tutti {
namespace {

std::optional<MeshAxis> parse_mesh_axis(std::string_view text) {
  const size_t digits = text.find_first_of("0123456789");
  if (digits == std::string_view::npos) return std::nullopt;
  const std::optional<Axis> axis = parse_axis(text.substr(0, digits));
  if (!axis) return std::nullopt;
  MeshAxis result{*axis, 0, 1};
  const char* end = text.data() + text.size();
  auto [after_size, size_error] = std::from_chars(text.data() + digits, end, result.size);
  if (size_error != std::errc() || result.size < 1) return std::nullopt;
  if (after_size == end) return result;
  if (*after_size != 's') return std::nullopt;
  auto [after_stride, stride_error] = std::from_chars(after_size + 1, end, result.stride);
  if (stride_error != std::errc() || after_stride != end || result.stride < 1) return std::nullopt;
  return result;
}

}  // namespace

std::optional<Axis> parse_axis(std::string_view name) {
  for (const AxisName& entry : kAxes) {
    if (entry.name == name) return entry.axis;
  }
  return std::nullopt;
}

std::string to_string(const MeshAxis& axis) {
  std::string text = fmt::format("{}{}", axis_name(axis.axis), axis.size);
  if (axis.stride != 1) text += fmt::format("s{}", axis.stride);
  return text;
}

std::string to_string(const AxisList& axes) {
  std::string text;
  for (const MeshAxis& axis : axes) {
    if (!text.empty()) text += '.';
    text += to_string(axis);
  }
  return text;
}

std::optional<AxisList> parse_axis_list(std::string_view text) {
  AxisList axes;
  while (!text.empty()) {
    const size_t dot = text.find('.');
    const std::optional<MeshAxis> axis = parse_mesh_axis(text.substr(0, dot));
    if (!axis) return std::nullopt;
    axes.push_back(*axis);
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
  }
  return axes;
}

int64_t group_size(const AxisList& axes) {
  int64_t size = 1;
  for (const MeshAxis& axis : axes) size *= axis.size;
  return size;
}

AxisList sorted(AxisList axes) {
  // Within one axis the larger stride is the major factor.
  std::sort(axes.begin(), axes.end(), [](const MeshAxis& a, const MeshAxis& b) {
    return a.axis != b.axis ? a.axis < b.axis : a.stride > b.stride;
  });
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  return axes;
}

bool contains(const AxisList& axes, const MeshAxis& axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

int Mesh::world_size() const {
  int size = 1;
  for (int32_t axis : sizes) size *= axis;
  return size;
}

int Mesh::coordinate(int rank, Axis axis) const {
  int inner = 1;
  for (size_t i = static_cast<size_t>(axis) + 1; i < sizes.size(); ++i) inner *= sizes[i];
  return rank / inner % size(axis);
}

int Mesh::coordinate(int rank, const MeshAxis& axis) const {
  return coordinate(rank, axis.axis) / axis.stride % axis.size;
}

AxisList Mesh::whole(Axis axis) const {
  if (size(axis) == 1) return {};
  return {MeshAxis{axis, size(axis), 1}};
}

int Mesh::group_index(int rank, const AxisList& axes) const {
  int index = 0;
  for (const MeshAxis& axis : axes) index = index * axis.size + coordinate(rank, axis);
  return index;
}

std::vector<int> Mesh::group(int rank, const AxisList& axes) const {
  // Start with every coordinate along `axes` at zero, then count through them, major first.
  int origin = rank;
  std::vector<int> strides;
  for (const MeshAxis& axis : axes) {
    int inner = 1;
    for (size_t i = static_cast<size_t>(axis.axis) + 1; i < sizes.size(); ++i) inner *= sizes[i];
    strides.push_back(inner * axis.stride);
    origin -= coordinate(rank, axis) * strides.back();
  }
  std::vector<int> ranks{origin};
  for (size_t i = 0; i < axes.size(); ++i) {
    std::vector<int> next;
    for (int base : ranks) {
      for (int c = 0; c < axes[i].size; ++c) next.push_back(base + c * strides[i]);
    }
    ranks = std::move(next);
  }
  return ranks;
}

std::string to_string(const Mesh& mesh) {
  std::string text;
  for (const AxisName& entry : kAxes) {
    if (mesh.size(entry.axis) == 1) continue;
    if (!text.empty()) text += ' ';
    text += fmt::format("{}={}", entry.name, mesh.size(entry.axis));
  }
  return text.empty() ? "one rank" : text;
}

}  // namespace tutti
