// Typed indices into the vectors that hold graphs and programs: a ValueId is not an OpId.
#pragma once

#include <cstdint>
#include <functional>

namespace tutti {

template <typename Tag>
struct Id {
  int32_t index = -1;

  constexpr Id() = default;
  constexpr explicit Id(int64_t i) : index(static_cast<int32_t>(i)) {}
  constexpr bool valid() const { return index >= 0; }
  friend constexpr bool operator==(Id a, Id b) { return a.index == b.index; }
  friend constexpr bool operator!=(Id a, Id b) { return a.index != b.index; }
  friend constexpr bool operator<(Id a, Id b) { return a.index < b.index; }
};

}  // namespace tutti

template <typename Tag>
struct std::hash<tutti::Id<Tag>> {
  size_t operator()(tutti::Id<Tag> id) const { return std::hash<int32_t>()(id.index); }
};
