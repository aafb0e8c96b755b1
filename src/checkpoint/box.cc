#include "checkpoint/box.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace tutti {

namespace {

// The dim along which the boxes start at the most different places: along it a sweep keeps the
// fewest boxes open.
size_t best_sweep_dim(std::span<const Box> boxes, size_t dims) {
  size_t best = 0, best_count = 0;
  for (size_t d = 0; d < dims; ++d) {
    std::set<int64_t> starts;
    for (const Box& box : boxes) starts.insert(box.offset[d]);
    if (starts.size() > best_count) {
      best = d;
      best_count = starts.size();
    }
  }
  return best;
}

// A pair of boxes that share an element, by a sweep along one dim.
std::optional<std::pair<size_t, size_t>> find_overlap(std::span<const Box> boxes, size_t dims) {
  if (boxes.size() < 2) return std::nullopt;
  if (dims == 0) return std::pair<size_t, size_t>(0, 1);
  const size_t d = best_sweep_dim(boxes, dims);
  std::vector<size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return boxes[a].offset[d] < boxes[b].offset[d]; });
  std::vector<size_t> open;
  for (const size_t next : order) {
    std::erase_if(open, [&](size_t other) {
      return boxes[other].offset[d] + boxes[other].size[d] <= boxes[next].offset[d];
    });
    for (const size_t other : open) {
      if (intersect(boxes[other], boxes[next])) return std::pair(other, next);
    }
    open.push_back(next);
  }
  return std::nullopt;
}

}  // namespace

Box whole_box(const Sizes& sizes) { return {Sizes(sizes.size(), 0), sizes}; }

std::string to_string(const Box& box) {
  std::vector<std::string> ranges;
  for (size_t d = 0; d < box.size.size(); ++d) {
    ranges.push_back(fmt::format("{}:{}", box.offset[d], box.offset[d] + box.size[d]));
  }
  return fmt::format("[{}]", fmt::join(ranges, ", "));
}

std::vector<Box> flat_range_boxes(const Sizes& sizes, int64_t begin, int64_t end) {
  std::vector<Box> boxes;
  const Sizes strides = dense_strides(sizes);
  while (begin < end) {
    // The outermost dim at which a whole slab starts here, and as many of its slabs as fit.
    size_t d = 0;
    while (d < sizes.size() && (begin % strides[d] != 0 || begin + strides[d] > end)) ++d;
    Box box = whole_box(sizes);
    int64_t slabs = 1;
    if (d < sizes.size()) {
      const int64_t index = begin / strides[d] % sizes[d];
      slabs = std::min(sizes[d] - index, (end - begin) / strides[d]);
    }
    int64_t rest = begin;
    for (size_t outer = 0; outer < std::min(d + 1, sizes.size()); ++outer) {
      box.offset[outer] = rest / strides[outer];
      box.size[outer] = outer == d ? slabs : 1;
      rest %= strides[outer];
    }
    boxes.push_back(box);
    begin += element_count(box.size);
  }
  return boxes;
}

Status check_box(const Box& box, const Sizes& sizes, std::string_view what) {
  if (box.offset.size() != sizes.size() || box.size.size() != sizes.size()) {
    return corrupt("{}: a box has {} dims, the tensor has {}", what, box.size.size(), sizes.size());
  }
  for (size_t d = 0; d < sizes.size(); ++d) {
    // Written so that no sum can overflow.
    const bool inside = box.offset[d] >= 0 && box.size[d] >= 1 && box.size[d] <= sizes[d] &&
                        box.offset[d] <= sizes[d] - box.size[d];
    if (!inside) {
      return corrupt("{}: box with offset {} and size {} in dim {} does not lie in the tensor {}",
                     what, box.offset[d], box.size[d], d, sizes_text(sizes));
    }
  }
  return {};
}

std::optional<Box> intersect(const Box& a, const Box& b) {
  Box result = a;
  for (size_t d = 0; d < a.size.size(); ++d) {
    const int64_t begin = std::max(a.offset[d], b.offset[d]);
    const int64_t end = std::min(a.offset[d] + a.size[d], b.offset[d] + b.size[d]);
    if (begin >= end) return std::nullopt;
    result.offset[d] = begin;
    result.size[d] = end - begin;
  }
  return result;
}

Status check_tiling(std::span<const Box> boxes, const Sizes& sizes, std::string_view what) {
  const Result<int64_t> total = checked_element_count(sizes, DType::kU8);
  if (!total.ok()) return corrupt("{}: {}", what, total.message());
  int64_t covered = 0;
  for (const Box& box : boxes) {
    TUTTI_TRY(check_box(box, sizes, what));
    if (__builtin_add_overflow(covered, element_count(box.size), &covered)) covered = INT64_MAX;
  }
  if (const auto overlap = find_overlap(boxes, sizes.size())) {
    return corrupt("{}: boxes {} and {} overlap", what, to_string(boxes[overlap->first]),
                   to_string(boxes[overlap->second]));
  }
  // Disjoint boxes inside the tensor tile it exactly when they have as many elements.
  if (covered != total.value()) {
    return corrupt("{}: the boxes hold {} of {} elements", what, covered, total.value());
  }
  return {};
}

Status for_each_run(const Box& part, const Box& source, const Box& target,
                    const std::function<Status(int64_t, int64_t, int64_t)>& visit) {
  const size_t dims = part.size.size();
  const Sizes source_strides = dense_strides(source.size);
  const Sizes target_strides = dense_strides(target.size);
  // Dims from `inner` on are one run: whole in both arrays, but for the outermost of them.
  size_t inner = dims;
  int64_t run = 1;
  while (inner > 0) {
    --inner;
    run *= part.size[inner];
    if (part.size[inner] != source.size[inner] || part.size[inner] != target.size[inner]) break;
  }
  Sizes index = part.offset;
  while (true) {
    int64_t from = 0, to = 0;
    for (size_t d = 0; d < dims; ++d) {
      from += (index[d] - source.offset[d]) * source_strides[d];
      to += (index[d] - target.offset[d]) * target_strides[d];
    }
    TUTTI_TRY(visit(from, to, run));
    size_t d = inner;
    while (d > 0 && ++index[d - 1] == part.offset[d - 1] + part.size[d - 1]) {
      index[d - 1] = part.offset[d - 1];
      --d;
    }
    if (d == 0) return {};
  }
}

Status for_each_run_of(std::span<const Box> boxes, const Sizes& sizes, std::string_view what,
                       const std::function<void(int64_t, int64_t, int64_t)>& visit) {
  for (const Box& box : boxes) {
    const Status inside = check_box(box, sizes, what);
    if (!inside.ok()) return invalid("{}", inside.message());
  }
  int64_t start = 0;  // of the box in the array
  for (const Box& box : boxes) {
    TUTTI_TRY(for_each_run(box, whole_box(sizes), box, [&](int64_t from, int64_t to, int64_t n) {
      visit(from, start + to, n);
      return Status();
    }));
    start += element_count(box.size);
  }
  return {};
}

}  // namespace tutti
