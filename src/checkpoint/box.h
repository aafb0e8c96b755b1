// Boxes: axis-aligned ranges of a tensor's elements. A shard's extent is a list of boxes, so that
// any placement (split dims, several mesh axes on a dim, a flat range of a bucket) can be written.
// Values and pure functions; thread-safe. Sizes and offsets are in elements, row-major order.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tensor/shape.h"

namespace tutti {

// The elements i with offset[d] <= i[d] < offset[d] + size[d]; a scalar's box has no dims.
struct Box {
  Sizes offset;
  Sizes size;

  friend bool operator==(const Box&, const Box&) = default;
};

// All of a tensor with these sizes.
Box whole_box(const Sizes& sizes);

// "[0:4, 8:16]"; "[]" for a scalar.
std::string to_string(const Box& box);

// The boxes, in row-major order, of the elements begin <= i < end of a flattened tensor: at most
// 2 * dims - 1 of them. Requires 0 <= begin <= end <= element_count(sizes).
std::vector<Box> flat_range_boxes(const Sizes& sizes, int64_t begin, int64_t end);

// `box` has the tensor's dims, is not empty and lies inside the tensor; kCorrupt otherwise.
Status check_box(const Box& box, const Sizes& sizes, std::string_view what);

// nullopt when they share no element. Requires equal dims.
std::optional<Box> intersect(const Box& a, const Box& b);

// `boxes` cover a tensor of `sizes` exactly: each valid, no two sharing an element, none missing.
// kCorrupt names the boxes that overlap or how many elements are missing.
Status check_tiling(std::span<const Box> boxes, const Sizes& sizes, std::string_view what);

// Calls `visit(from, to, count)` for each longest run of `part` that is contiguous both in a dense
// array holding `source` and in a dense array holding `target` (element offsets into them), in
// row-major order; stops at the first error. Requires `part` inside both.
Status for_each_run(const Box& part, const Box& source, const Box& target,
                    const std::function<Status(int64_t from, int64_t to, int64_t count)>& visit);

// The same for several boxes of a tensor, from the dense tensor into an array that holds them box
// after box. kInvalidArgument, with `what`, before any visit: a box that does not lie in the
// tensor.
Status for_each_run_of(std::span<const Box> boxes, const Sizes& sizes, std::string_view what,
                       const std::function<void(int64_t from, int64_t to, int64_t count)>& visit);

}  // namespace tutti
