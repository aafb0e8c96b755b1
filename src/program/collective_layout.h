// How a collective's operands are cut into the dense pieces that ranks exchange.
//
// A dim that is not the outermost (of size above 1) is not dense in memory: its pieces are packed
// into a workspace before the exchange, and unpacked behind it. So are sums that are added to what
// the output holds.
#pragma once

#include <cstdint>
#include <vector>

#include "collective/call.h"
#include "ops/kernel_call.h"

namespace tutti {

struct CollectiveLayout {
  CallKind kind = CallKind::kAllReduce;
  DType dtype = DType::kF32;
  Reduce reduce = Reduce::kNone;
  int64_t parts = 1;  // ranks of the group
  int64_t count = 0;  // as Call::count
  std::vector<int64_t> in_sizes, out_sizes;
  int in_dim = -1;    // cut into pieces before the exchange; -1: dense already
  int out_dim = -1;   // put together from pieces behind it; -1: dense already
  bool adds = false;  // the result is added to what the output holds

  int64_t pieces_bytes() const;  // of all ranks' pieces
  // Packed input, then received pieces.
  int64_t workspace_bytes() const;
};

// Of a communication op's call (all but transfer and replica_sum); pointers are not looked at.
CollectiveLayout collective_layout(const KernelCall& call, bool adds);

// Copies piece `part` of dim `dim` of a dense array of `sizes`, cut in `parts`, to a dense one; and
// back.
void pack_piece(const void* from, const std::vector<int64_t>& sizes, int dim, int64_t parts,
                int64_t part, DType dtype, void* piece);
void unpack_piece(const void* piece, const std::vector<int64_t>& sizes, int dim, int64_t parts,
                  int64_t part, DType dtype, void* to);

}  // namespace tutti
