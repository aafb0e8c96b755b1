// How one value lies on the mesh: for each dim the axes that cut it, and the axes over which each
// rank holds only a part of a sum (or maximum). Axes that are not named replicate.
//
// Invariant: no axis occurs twice in a placement.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collective/mesh.h"

namespace tutti {

enum class Reduce : uint8_t { kNone, kSum, kMax };

struct Placement {
  std::vector<AxisList> dims;  // one list per dim of the value, major first; may be all empty
  Reduce reduce = Reduce::kNone;
  AxisList partial;  // in mesh order; empty exactly when reduce is kNone

  bool is_partial() const { return reduce != Reduce::kNone; }
  friend bool operator==(const Placement&, const Placement&) = default;
};

Placement replicated(size_t rank);
// The axes that cut any dim, in mesh order.
AxisList shard_axes(const Placement& placement);
// The same placement with the reduction done.
Placement resolved(const Placement& placement);
// Adds `axes` to the partial axes, in mesh order.
Placement with_partial(Placement placement, Reduce reduce, const AxisList& axes);
// False when an axis occurs twice, or when reduce and partial disagree.
bool well_formed(const Placement& placement);

// The vocabulary of communication. The order is also the order in which one redistribution takes
// its steps: what shrinks the data comes first.
enum class CollectiveKind : uint8_t {
  kSlice,          // Replicate -> Shard(dim): local
  kMask,           // Replicate -> Partial: coordinate 0 keeps its value, the others hold zero
  kAllToAll,       // Shard(dim) -> Shard(to_dim)
  kReduceScatter,  // Partial -> Shard(dim)
  kAllReduce,      // Partial -> Replicate
  kAllGather,      // Shard(dim) -> Replicate
};

struct RedistributionStep {
  CollectiveKind kind;
  AxisList axes;  // the group, major first
  int dim = -1;     // the dim that is cut, gathered or left
  int to_dim = -1;  // kAllToAll: the dim that is cut afterwards
  Placement result;
};

// The steps that bring a value from one placement to another (both of the same number of dims).
// Empty when they are equal. Fails (an empty optional) for a change that no step table covers, such
// as a different order of two axes within one dim.
std::optional<std::vector<RedistributionStep>> plan_redistribution(const Placement& from,
                                                                   const Placement& to);

}  // namespace tutti
