// The mesh: ranks as coordinates on six named axes, and groups of ranks along sets of axes.
//
// Rank order is row-major over kAxes, outermost first, so tp neighbours are adjacent ranks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tutti {

enum class Axis : uint8_t { kPp, kDp, kShard, kEp, kCp, kTp };

struct AxisName {
  Axis axis;
  std::string_view name;
};
inline constexpr std::array<AxisName, 6> kAxes = {{{Axis::kPp, "pp"},
                                                   {Axis::kDp, "dp"},
                                                   {Axis::kShard, "shard"},
                                                   {Axis::kEp, "ep"},
                                                   {Axis::kCp, "cp"},
                                                   {Axis::kTp, "tp"}}};

constexpr std::string_view axis_name(Axis axis) { return kAxes[static_cast<size_t>(axis)].name; }
std::optional<Axis> parse_axis(std::string_view name);

// An axis of the mesh, or one factor of it: the coordinate is (coordinate(axis) / stride) % size.
struct MeshAxis {
  Axis axis = Axis::kTp;
  int32_t size = 1;
  int32_t stride = 1;

  friend bool operator==(const MeshAxis&, const MeshAxis&) = default;
  friend auto operator<=>(const MeshAxis&, const MeshAxis&) = default;
};

// Major first. Two lists are the same group only if they are equal element by element.
using AxisList = std::vector<MeshAxis>;

// "tp4" (a whole axis of size 4) or "tp2s2" (size 2, stride 2); lists joined by '.'.
std::string to_string(const MeshAxis& axis);
std::string to_string(const AxisList& axes);
std::optional<AxisList> parse_axis_list(std::string_view text);

int64_t group_size(const AxisList& axes);
// The axes in mesh order without repeats: the canonical form of a set of axes.
AxisList sorted(AxisList axes);
bool contains(const AxisList& axes, const MeshAxis& axis);

struct Mesh {
  std::array<int32_t, 6> sizes = {1, 1, 1, 1, 1, 1};

  int32_t& size(Axis axis) { return sizes[static_cast<size_t>(axis)]; }
  int32_t size(Axis axis) const { return sizes[static_cast<size_t>(axis)]; }
  int world_size() const;
  int coordinate(int rank, Axis axis) const;
  int coordinate(int rank, const MeshAxis& axis) const;
  // The whole axis as a list: empty when its size is 1.
  AxisList whole(Axis axis) const;

  // The position of `rank` along the flattened axes, major first: 0 ... group_size - 1.
  int group_index(int rank, const AxisList& axes) const;
  // The ranks that differ from `rank` only along `axes`, in order of group_index.
  std::vector<int> group(int rank, const AxisList& axes) const;

  friend bool operator==(const Mesh&, const Mesh&) = default;
};

std::string to_string(const Mesh& mesh);  // "pp=2 shard=2 tp=2"; "one rank" when all are 1

}  // namespace tutti
