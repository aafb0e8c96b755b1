#include "program/collective_layout.h"

#include <cstring>

#include "base/status.h"
#include "program/program.h"

namespace tutti {
namespace {

int64_t product(const std::vector<int64_t>& sizes, size_t begin, size_t end) {
  int64_t count = 1;
  for (size_t d = begin; d < end; ++d) count *= sizes[d];
  return count;
}

bool outermost(const std::vector<int64_t>& sizes, int dim) {
  return product(sizes, 0, static_cast<size_t>(dim)) == 1;
}

int dim_of(const KernelCall& call, std::string_view attribute) {
  const int dim = call.inputs[0].dim(call.attributes->get_string(attribute));
  TUTTI_CHECK(dim >= 0, "{} has no dim {}", op_name(call.kind),
              call.attributes->get_string(attribute));
  return dim;
}

CallKind call_kind(OpKind kind) {
  switch (kind) {
    case OpKind::kAllToAll:
      return CallKind::kAllToAll;
    case OpKind::kReduceScatter:
      return CallKind::kReduceScatter;
    case OpKind::kAllReduce:
      return CallKind::kAllReduce;
    case OpKind::kAllGather:
      return CallKind::kAllGather;
    case OpKind::kRingShift:
      return CallKind::kSendReceive;
    default:
      break;
  }
  TUTTI_CHECK(false, "{} is no collective", op_name(kind));
}

// The bytes of one index of all dims before `dim`, of one piece and of the whole.
struct Rows {
  int64_t outer, piece_bytes, whole_bytes;
};

Rows rows(const std::vector<int64_t>& sizes, int dim, int64_t parts, DType dtype) {
  const auto d = static_cast<size_t>(dim);
  const int64_t inner =
      product(sizes, d + 1, sizes.size()) * static_cast<int64_t>(dtype_bytes(dtype));
  return {product(sizes, 0, d), sizes[d] / parts * inner, sizes[d] * inner};
}

}  // namespace

int64_t CollectiveLayout::pieces_bytes() const {
  return parts * count * static_cast<int64_t>(dtype_bytes(dtype));
}

int64_t CollectiveLayout::workspace_bytes() const {
  const int64_t result = static_cast<int64_t>(dtype_bytes(dtype)) * count;
  return (in_dim >= 0 ? aligned(pieces_bytes()) : 0) +
         (out_dim >= 0 ? aligned(pieces_bytes()) : 0) + (adds ? aligned(result) : 0);
}

CollectiveLayout collective_layout(const KernelCall& call, bool adds) {
  CollectiveLayout layout;
  layout.kind = call_kind(call.kind);
  layout.dtype = call.inputs[0].dtype;
  layout.in_sizes = call.inputs[0].sizes;
  layout.out_sizes = call.outputs[0].sizes;
  layout.adds = adds;
  const int64_t in = call.inputs[0].count(), out = call.outputs[0].count();
  const bool max = call.attributes->get_string("reduce") == "max";
  switch (layout.kind) {
    case CallKind::kAllReduce:
      layout.reduce = max ? Reduce::kMax : Reduce::kSum;
      layout.count = in;
      break;
    case CallKind::kReduceScatter:
      layout.reduce = Reduce::kSum;
      layout.parts = in / out;
      layout.count = out;
      layout.in_dim = dim_of(call, "dim");
      if (outermost(layout.in_sizes, layout.in_dim)) layout.in_dim = -1;
      break;
    case CallKind::kAllGather:
      layout.parts = out / in;
      layout.count = in;
      layout.out_dim = dim_of(call, "dim");
      if (outermost(layout.out_sizes, layout.out_dim)) layout.out_dim = -1;
      break;
    case CallKind::kAllToAll: {
      const int gathered = dim_of(call, "dim"), cut = dim_of(call, "to_dim");
      const auto d = static_cast<size_t>(gathered);
      layout.parts = layout.out_sizes[d] / layout.in_sizes[d];
      layout.count = in / layout.parts;
      if (!outermost(layout.in_sizes, cut)) layout.in_dim = cut;
      if (!outermost(layout.out_sizes, gathered)) layout.out_dim = gathered;
      break;
    }
    default:
      layout.count = in;
  }
  return layout;
}

void pack_piece(const void* from, const std::vector<int64_t>& sizes, int dim, int64_t parts,
                int64_t part, DType dtype, void* piece) {
  const Rows r = rows(sizes, dim, parts, dtype);
  const char* source = static_cast<const char*>(from) + part * r.piece_bytes;
  for (int64_t o = 0; o < r.outer; ++o) {
    std::memcpy(static_cast<char*>(piece) + o * r.piece_bytes, source + o * r.whole_bytes,
                static_cast<size_t>(r.piece_bytes));
  }
}

void unpack_piece(const void* piece, const std::vector<int64_t>& sizes, int dim, int64_t parts,
                  int64_t part, DType dtype, void* to) {
  const Rows r = rows(sizes, dim, parts, dtype);
  char* target = static_cast<char*>(to) + part * r.piece_bytes;
  for (int64_t o = 0; o < r.outer; ++o) {
    std::memcpy(target + o * r.whole_bytes, static_cast<const char*>(piece) + o * r.piece_bytes,
                static_cast<size_t>(r.piece_bytes));
  }
}

}  // namespace tutti
