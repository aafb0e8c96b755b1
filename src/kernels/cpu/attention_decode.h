// Attention of one query position over a long cache. Internal to attention.
//
// A key is read once from memory for all the heads of its group, and nothing is copied: at this
// shape the cost is the bandwidth of memory.
#pragma once

#include "kernels/cpu/attention_tile.h"

namespace tutti::cpu::TUTTI_ISA {

// Floats of scratch that one call of decode_head needs.
int64_t decode_scratch_floats(const Attention& a);

// The outputs of one (batch, kv_head). Requires q_len == 1 and keys without runs.
void decode_head(const Head& head, const float* q, const float* k, const float* v, float* o,
                 float* lse_bhgs, float* scratch);

}  // namespace tutti::cpu::TUTTI_ISA
