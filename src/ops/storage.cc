// Ops about where values lie: parts of a bucket, the key and value cache, the last position.
//
// A bucket is one flat value that holds several parameters (or their gradients) one after the other
// as they lie on a rank. bucket_view(bucket) {dims, sizes, offset} is a part of it;
// bucket_pack(parts) {elements, offsets} is the whole, whose parts are written in place. Offsets
// are local elements. settle(x) is x, as it lies when all of its parts are there: reduced, cut, or
// gathered.
//
// fetch(x) is a copy in the device's memory of x, which is offloaded, or with {dims, sizes, offset}
// of a part of it, as bucket_view. store(x) {offset} is an offloaded copy of x, or of a part of
// what it updates, from local element `offset` on.
#include <charconv>

#include "ops/all_ops.h"

namespace tutti {
namespace {

InferredTypes infer_view(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(1, 1));
  const auto& names = in.op().attributes.get_names("dims");
  const auto& sizes = in.op().attributes.get_names("sizes");
  if (names.size() != sizes.size())
    return invalid("{}: dims and sizes differ in number", in.where());
  ValueType type{in.type(0).dtype, {}};
  for (size_t i = 0; i < names.size(); ++i) {
    Dim dim{names[i], 0};
    std::from_chars(sizes[i].data(), sizes[i].data() + sizes[i].size(), dim.size);
    type.dims.push_back(dim);
  }
  return std::vector<ValueType>{type};
}

InferredTypes infer_pack(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(1, SIZE_MAX));
  return std::vector<ValueType>{
      {in.type(0).dtype, {{"elements", in.op().attributes.get_int("elements")}}}};
}

InferredTypes infer_settle(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(1, 1));
  return std::vector<ValueType>{in.type(0)};
}

InferredTypes infer_fetch(const OpInputs& in) {
  return in.op().attributes.has("dims") ? infer_view(in) : infer_settle(in);
}

// cache_append(cache[batch, context, ...], x[batch, seq, ...], length[]): writes x at position
// length.
InferredTypes infer_append(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(3, 3));
  TUTTI_TRY(in.expect_dtype(2, DType::kI32));
  if (in.dims(0).size() != in.dims(1).size() || in.dims(0).size() < 2) {
    return invalid("{}: the cache %{} and %{} differ in dims", in.where(), in.name(0), in.name(1));
  }
  return std::vector<ValueType>{in.type(0)};
}

// take_position(x[batch, seq, d...], index[]) -> x at that position of seq: [batch, d...]
InferredTypes infer_take(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(2, 2));
  TUTTI_TRY(in.expect_dtype(1, DType::kI32));
  ValueType type = in.type(0);
  if (type.dims.size() < 2)
    return invalid("{}: %{} has no dim to take from", in.where(), in.name(0));
  type.dims.erase(type.dims.begin() + 1);
  return std::vector<ValueType>{type};
}

}  // namespace

std::vector<OpDef> storage_ops() {
  return {
      {.kind = OpKind::kBucketView,
       .infer = infer_view,
       .place = PlaceRule::kBucketView,
       .view = true},
      {.kind = OpKind::kBucketPack, .infer = infer_pack, .place = PlaceRule::kBucketPack},
      {.kind = OpKind::kSettle, .infer = infer_settle, .place = PlaceRule::kSettle, .view = true},
      {.kind = OpKind::kFetch, .infer = infer_fetch, .place = PlaceRule::kAsIs},
      {.kind = OpKind::kStore, .infer = infer_settle, .place = PlaceRule::kAsIs},
      {.kind = OpKind::kCacheAppend,
       .infer = infer_append,
       .place = PlaceRule::kUpdate,
       .invariant_dims = "all but context"},
      {.kind = OpKind::kTakePosition, .infer = infer_take},
  };
}

}  // namespace tutti
