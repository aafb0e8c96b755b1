#include "collective/placement.h"

#include <algorithm>

#include "base/status.h"

namespace tutti {
namespace {

size_t common_prefix(const AxisList& a, const AxisList& b) {
  size_t n = 0;
  while (n < a.size() && n < b.size() && a[n] == b[n]) ++n;
  return n;
}

// The axes of `list` from `first` on.
AxisList tail(const AxisList& list, size_t first) {
  return AxisList(list.begin() + static_cast<int64_t>(first), list.end());
}

bool all_in(const AxisList& axes, const AxisList& of) {
  return std::all_of(axes.begin(), axes.end(), [&](const MeshAxis& a) { return contains(of, a); });
}

bool none_in(const AxisList& axes, const AxisList& of) {
  return std::none_of(axes.begin(), axes.end(), [&](const MeshAxis& a) { return contains(of, a); });
}

void remove_axes(AxisList& from, const AxisList& axes) {
  std::erase_if(from, [&](const MeshAxis& a) { return contains(axes, a); });
}

class Planner {
 public:
  Planner(const Placement& from, const Placement& to) : now_(from), to_(to) {}

  std::optional<std::vector<RedistributionStep>> plan() {
    cut_locally();
    move_between_dims();
    scatter_partials();
    reduce_partials();
    gather_rest();
    mask_to_partial();
    if (now_ == to_) return std::move(steps_);
    return std::nullopt;
  }

 private:
  void step(CollectiveKind kind, AxisList axes, int dim, int to_dim = -1) {
    steps_.push_back({kind, std::move(axes), dim, to_dim, now_});
  }

  // Axes that the target adds to a dim and along which the value is replicated now.
  void cut_locally() {
    const AxisList used = shard_axes(now_);
    for (size_t d = 0; d < now_.dims.size(); ++d) {
      if (common_prefix(now_.dims[d], to_.dims[d]) != now_.dims[d].size()) continue;
      const AxisList added = tail(to_.dims[d], now_.dims[d].size());
      if (added.empty() || !none_in(added, used) || !none_in(added, now_.partial)) continue;
      now_.dims[d] = to_.dims[d];
      step(CollectiveKind::kSlice, added, static_cast<int>(d));
    }
  }

  void move_between_dims() {
    for (size_t d = 0; d < now_.dims.size(); ++d) {
      const size_t keep = common_prefix(now_.dims[d], to_.dims[d]);
      const AxisList leaving = tail(now_.dims[d], keep);
      if (leaving.empty()) continue;
      for (size_t e = 0; e < now_.dims.size(); ++e) {
        AxisList wanted = now_.dims[e];
        wanted.insert(wanted.end(), leaving.begin(), leaving.end());
        if (e == d || wanted != to_.dims[e]) continue;
        now_.dims[d].resize(keep);
        now_.dims[e] = wanted;
        step(CollectiveKind::kAllToAll, leaving, static_cast<int>(d), static_cast<int>(e));
        break;
      }
    }
  }

  void scatter_partials() {
    for (size_t d = 0; d < now_.dims.size(); ++d) {
      if (common_prefix(now_.dims[d], to_.dims[d]) != now_.dims[d].size()) continue;
      const AxisList added = tail(to_.dims[d], now_.dims[d].size());
      if (added.empty() || now_.reduce != Reduce::kSum || !all_in(added, now_.partial)) continue;
      now_.dims[d] = to_.dims[d];
      drop_partial(added);
      step(CollectiveKind::kReduceScatter, added, static_cast<int>(d));
    }
  }

  void reduce_partials() {
    AxisList axes = now_.partial;
    if (to_.reduce == now_.reduce) remove_axes(axes, to_.partial);
    if (axes.empty()) return;
    drop_partial(axes);
    step(CollectiveKind::kAllReduce, axes, -1);
  }

  void gather_rest() {
    for (size_t d = 0; d < now_.dims.size(); ++d) {
      const size_t keep = common_prefix(now_.dims[d], to_.dims[d]);
      const AxisList leaving = tail(now_.dims[d], keep);
      if (leaving.empty()) continue;
      now_.dims[d].resize(keep);
      step(CollectiveKind::kAllGather, leaving, static_cast<int>(d));
    }
  }

  void mask_to_partial() {
    AxisList axes = to_.partial;
    remove_axes(axes, now_.partial);
    if (axes.empty() || to_.reduce != Reduce::kSum || now_.reduce == Reduce::kMax) return;
    now_ = with_partial(now_, Reduce::kSum, axes);
    step(CollectiveKind::kMask, axes, -1);
  }

  void drop_partial(const AxisList& axes) {
    remove_axes(now_.partial, axes);
    if (now_.partial.empty()) now_.reduce = Reduce::kNone;
  }

  Placement now_;
  const Placement& to_;
  std::vector<RedistributionStep> steps_;
};

}  // namespace

Placement replicated(size_t rank) {
  Placement placement;
  placement.dims.resize(rank);
  return placement;
}

AxisList shard_axes(const Placement& placement) {
  AxisList axes;
  for (const AxisList& dim : placement.dims) axes.insert(axes.end(), dim.begin(), dim.end());
  return sorted(std::move(axes));
}

Placement resolved(const Placement& placement) {
  Placement result = placement;
  result.reduce = Reduce::kNone;
  result.partial.clear();
  return result;
}

Placement with_partial(Placement placement, Reduce reduce, const AxisList& axes) {
  if (axes.empty()) return placement;
  TUTTI_CHECK(placement.reduce == Reduce::kNone || placement.reduce == reduce);
  placement.reduce = reduce;
  placement.partial.insert(placement.partial.end(), axes.begin(), axes.end());
  placement.partial = sorted(std::move(placement.partial));
  return placement;
}

bool well_formed(const Placement& placement) {
  if (placement.is_partial() == placement.partial.empty()) return false;
  AxisList all = placement.partial;
  for (const AxisList& dim : placement.dims) all.insert(all.end(), dim.begin(), dim.end());
  return sorted(all).size() == all.size();
}

std::optional<std::vector<RedistributionStep>> plan_redistribution(const Placement& from,
                                                                   const Placement& to) {
  TUTTI_CHECK(from.dims.size() == to.dims.size());
  return Planner(from, to).plan();
}

}  // namespace tutti
