// Attention and its gradient (see kernels.h for shapes and meaning).
//
// Row order: the queries of the `group` heads that share a key head are handled together; row r of
// a (batch, kv_head) is query r / group, head r % group. A query at position s sees the key at
// position t when t <= s + q_offset (causal), t > s + q_offset - window (window), and the segments
// are equal (segments, of which both or neither are given). What the values of an unseen key are
// does not matter unless they are infinite or NaN.
//
// Positions are indices unless runs say otherwise (attention_positions.h). Rows are then found
// through the runs wherever they lie, and all else goes by index: queries and keys that are cut
// into runs give the bits of the same ones in order.
//
// Invariance: the output, log-sum-exp and dq of a query do not depend on the other queries, heads
// or sequences of the call, nor dk and dv of a (batch, kv_head) on the others; `threads` changes
// no bit. One query alone (q_len 1, without runs) takes another path than several and may differ in
// rounding.
#pragma once

#include "kernels/cpu/isa.h"

namespace tutti::cpu::TUTTI_ISA {

TUTTI_DECLARE_KERNEL(attention_workspace_bytes);
TUTTI_DECLARE_KERNEL(attention);
TUTTI_DECLARE_KERNEL(attention_grad_workspace_bytes);
TUTTI_DECLARE_KERNEL(attention_grad);
TUTTI_DECLARE_KERNEL(attention_merge);

}  // namespace tutti::cpu::TUTTI_ISA
