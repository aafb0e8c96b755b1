// Ops that move elements and compute nothing, for any dtype. Where the memory planner made a view
// of an output, its storage is already the input's and nothing is left to do.
#include <algorithm>
#include <charconv>
#include <cstring>

#include "kernels/cpu/launch.h"

namespace tutti::cpu {
namespace {

std::byte* at(const Operand& operand, int64_t element) {
  return operand.as<std::byte>() + element * static_cast<int64_t>(dtype_bytes(operand.dtype));
}

size_t bytes_of(const Operand& operand, int64_t count) {
  return static_cast<size_t>(count) * dtype_bytes(operand.dtype);
}

// Elements of one index of dim `dim`.
int64_t inner_count(const Operand& operand, size_t dim) {
  int64_t count = 1;
  for (size_t d = dim + 1; d < operand.sizes.size(); ++d) count *= operand.sizes[d];
  return count;
}

void run_relabel(const Kernels&, const KernelCall& call) { copy(call.inputs[0], call.outputs[0]); }

void run_bucket_view(const Kernels&, const KernelCall& call) {
  const Operand& view = call.outputs[0];
  Operand part = view;
  part.data = at(call.inputs[0], call.attributes->get_int("offset"));
  copy(part, view);
}

// Clears what lies between the parts: norms and optimizers read whole buckets.
void run_bucket_pack(const Kernels&, const KernelCall& call) {
  const Operand& bucket = call.outputs[0];
  const std::vector<std::string>& offsets = call.attributes->get_names("offsets");
  TUTTI_CHECK(offsets.size() == call.inputs.size(), "{} offsets for {} parts", offsets.size(),
              call.inputs.size());
  int64_t end = 0;
  const auto clear_until = [&](int64_t begin) {
    TUTTI_CHECK(begin >= end, "parts of a bucket at {} and {} overlap", begin, end);
    std::memset(at(bucket, end), 0, bytes_of(bucket, begin - end));
  };
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    int64_t offset = 0;
    std::from_chars(offsets[i].data(), offsets[i].data() + offsets[i].size(), offset);
    clear_until(offset);
    Operand place = call.inputs[i];
    place.data = at(bucket, offset);
    copy(call.inputs[i], place);
    end = offset + place.count();
  }
  clear_until(bucket.count());
}

// cache[batch, context, ...], x[batch, seq, ...]: positions length, length + 1, ... of the cache.
void run_cache_append(const Kernels&, const KernelCall& call) {
  const Operand &cache = call.outputs[0], &x = call.inputs[1];
  const int64_t length = *i32(call.inputs[2]), seq = x.sizes[1], context = cache.sizes[1];
  const int64_t row = inner_count(cache, 1);
  TUTTI_CHECK(cache.data == call.inputs[0].data, "the cache must be updated where it is");
  TUTTI_CHECK(length >= 0 && length + seq <= context, "{} positions at {} of a cache of {}", seq,
              length, context);
  for (int64_t b = 0; b < x.sizes[0]; ++b) {
    std::memcpy(at(cache, (b * context + length) * row), at(x, b * seq * row),
                bytes_of(x, seq * row));
  }
}

void run_take_position(const Kernels&, const KernelCall& call) {
  const Operand &x = call.inputs[0], &y = call.outputs[0];
  const int64_t index = *i32(call.inputs[1]), seq = x.sizes[1], row = inner_count(x, 1);
  TUTTI_CHECK(index >= 0 && index < seq, "position {} of {}", index, seq);
  for (int64_t b = 0; b < x.sizes[0]; ++b) {
    std::memcpy(at(y, b * row), at(x, (b * seq + index) * row), bytes_of(x, row));
  }
}

// Whether a part is where the whole has it: the memory planner made it a view.
bool lies_within(const Operand& part, const Operand& whole) {
  const std::byte* begin = at(whole, 0);
  const std::byte* data = at(part, 0);
  return data >= begin && data < at(whole, whole.count());
}

// Copies the block of dims `dim`... that `to` holds, from element `from_at` of `from`.
void copy_block(const Operand& from, int64_t from_at, const Operand& to, int64_t to_at,
                size_t dim) {
  if (dim == to.sizes.size()) {
    std::memcpy(at(to, to_at), at(from, from_at), bytes_of(to, 1));
    return;
  }
  const int64_t from_row = inner_count(from, dim), to_row = inner_count(to, dim);
  const int64_t begin = from_at + (to.offsets[dim] - from.offsets[dim]) * from_row;
  if (from_row == to_row) {  // dims behind this one are whole
    std::memcpy(at(to, to_at), at(from, begin), bytes_of(to, to.sizes[dim] * to_row));
    return;
  }
  for (int64_t i = 0; i < to.sizes[dim]; ++i) {
    copy_block(from, begin + i * from_row, to, to_at + i * to_row, dim + 1);
  }
}

void run_slice(const Kernels&, const KernelCall& call) {
  if (lies_within(call.outputs[0], call.inputs[0])) return;
  copy_block(call.inputs[0], 0, call.outputs[0], 0, 0);
}

void run_mask(const Kernels&, const KernelCall& call) {
  const Operand& out = call.outputs[0];
  if (call.coordinate == 0) return copy(call.inputs[0], out);
  std::memset(out.data, 0, bytes_of(out, out.count()));
}

constexpr Launch kStorageLaunches[] = {
    {OpKind::kRelabel, run_relabel},
    {OpKind::kSettle, run_relabel},
    {OpKind::kBucketView, run_bucket_view},
    {OpKind::kBucketPack, run_bucket_pack},
    {OpKind::kCacheAppend, run_cache_append},
    {OpKind::kTakePosition, run_take_position},
    {OpKind::kSlice, run_slice},
    {OpKind::kMask, run_mask},
};

}  // namespace

std::span<const Launch> storage_launches() { return kStorageLaunches; }

}  // namespace tutti::cpu
