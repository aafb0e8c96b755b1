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

namespace tutti {

// The elements i with offset[d] <= i[d] < offset[d] + size[d]; a scalar's box has no dims.
struct Box {
  std::vector<int64_t> offset;
  std::vector<int64_t> size;

  friend bool operator==(const Box&, const Box&) = default;
};

// The product of `sizes`; nullopt when one is negative or the product exceeds 2^63 - 1.
std::optional<int64_t> element_count(std::span<const int64_t> sizes);

// All of a tensor with these sizes.
Box whole_box(std::span<const int64_t> sizes);

// "[0:4, 8:16]"; "[]" for a scalar.
std::string to_string(const Box& box);
// "[4, 16]"
std::string sizes_to_string(std::span<const int64_t> sizes);

// The boxes, in row-major order, of the elements begin <= i < end of a flattened tensor: at most
// 2 * dims - 1 of them. Requires 0 <= begin <= end <= element_count(sizes).
std::vector<Box> flat_range_boxes(std::span<const int64_t> sizes, int64_t begin, int64_t end);

// `box` has the tensor's dims, is not empty and lies inside the tensor; kCorrupt otherwise.
Status check_box(const Box& box, std::span<const int64_t> sizes, std::string_view what);

// nullopt when they share no element. Requires equal dims.
std::optional<Box> intersect(const Box& a, const Box& b);

// `boxes` cover a tensor of `sizes` exactly: each valid, no two sharing an element, none missing.
// kCorrupt names the boxes that overlap or how many elements are missing.
Status check_tiling(std::span<const Box> boxes, std::span<const int64_t> sizes,
                    std::string_view what);

// Calls `visit(from, to, count)` for each longest run of `part` that is contiguous both in a dense
// array holding `source` and in a dense array holding `target` (element offsets into them), in
// row-major order; stops at the first error. Requires `part` inside both.
Status for_each_run(const Box& part, const Box& source, const Box& target,
                    const std::function<Status(int64_t from, int64_t to, int64_t count)>& visit);

}  // namespace tutti
