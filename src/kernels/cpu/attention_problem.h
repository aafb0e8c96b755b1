// One attention problem for tests: random operands with gaps between their rows, the results of a
// table of kernels, and sub-problems that share its operands.
#pragma once

#include <string>
#include <vector>

#include "kernels/cpu/kernel_test.h"

namespace tutti::cpu {

struct AttentionCase {
  const char* name;
  int64_t batch, q_len, kv_len, kv_heads, group, head_dim;
  bool causal = true;
  int64_t q_offset = 0, window = 0;
  int32_t documents = 0;  // > 0: so many segments, in order, of random length
  int64_t gap = 0;        // floats between the rows of each operand
  float dropout = 0;
};

// The case table: odd sizes, several tiles, tails, grouped heads, decoding, masks, strides.
extern const std::vector<AttentionCase> kAttentionCases;

// A tensor of rows: [batch][length] rows of `width` floats, `gap` apart.
struct Rows {
  int64_t length, width, row, batch;
  std::vector<float> values;

  Rows(int64_t batches, int64_t length, int64_t width, int64_t gap);
  // Whether what lies between the rows is as made.
  bool gaps_untouched() const;
};

struct AttentionOutput {
  Rows o;
  std::vector<float> lse_bhgs;
};

struct AttentionGrads {
  Rows dq, dk, dv;
};

struct AttentionProblem {
  AttentionProblem(const AttentionCase& c, RandomInputs& random);
  // `shape` points into the segments.
  AttentionProblem(const AttentionProblem&) = delete;
  AttentionProblem& operator=(const AttentionProblem&) = delete;

  std::vector<int32_t> q_segments, kv_segments;
  Rows q, k, v, dout;
  Attention shape;

  AttentionOutput forward(const Kernels& kernels, int threads = 1) const;
  AttentionGrads backward(const Kernels& kernels, const AttentionOutput& output,
                          int threads = 1) const;
};

}  // namespace tutti::cpu
