#include "kernels/cpu/attention_problem.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace tutti::cpu {

namespace {

constexpr float kGapValue = 12345.0f;
constexpr size_t kGuardBytes = 64;

// Documents of random length, numbered from 0, over `length` positions.
std::vector<int32_t> segments_of(int64_t length, int32_t documents, RandomInputs& random) {
  std::vector<int32_t> cuts = random.integers(documents - 1, 1, static_cast<int32_t>(length));
  std::sort(cuts.begin(), cuts.end());
  std::vector<int32_t> segments(static_cast<size_t>(length));
  for (int64_t i = 0; i < length; ++i) {
    segments[static_cast<size_t>(i)] =
        static_cast<int32_t>(std::upper_bound(cuts.begin(), cuts.end(), i) - cuts.begin());
  }
  return segments;
}

void fill_rows(Rows& rows, const std::vector<float>& dense) {
  for (size_t i = 0; i < dense.size(); ++i) {
    const int64_t row = static_cast<int64_t>(i) / rows.width,
                  at = static_cast<int64_t>(i) % rows.width;
    rows.values[static_cast<size_t>(row * rows.row + at)] = dense[i];
  }
}

// Workspace of exactly the size that the kernel asked for, at an odd address, filled with NaN,
// behind which nothing may be written.
class Workspace {
 public:
  explicit Workspace(size_t bytes) : bytes_(bytes), buffer_(bytes + 8 + kGuardBytes, 0xff) {}
  ~Workspace() {
    for (size_t i = 0; i < kGuardBytes; ++i) {
      EXPECT_EQ(buffer_[8 + bytes_ + i], 0xff) << "written past the workspace at +" << i;
    }
  }
  void* data() { return buffer_.data() + 8; }

 private:
  size_t bytes_;
  std::vector<unsigned char> buffer_;
};

}  // namespace

const std::vector<AttentionCase> kAttentionCases = {
    {"one", 1, 1, 1, 1, 1, 1},
    {"tiny", 2, 3, 3, 1, 1, 20},
    {"odd_head", 1, 37, 37, 3, 1, 33, true, 0, 0, 0, 5},
    {"three_tiles", 1, 250, 250, 1, 1, 64},
    {"exact_tiles", 1, 192, 192, 1, 1, 48, true, 0, 0, 0, 16},
    {"wide_head", 1, 100, 100, 1, 1, 128},
    {"not_causal", 1, 101, 203, 1, 1, 96, false, 0, 0, 0, 3},
    {"grouped", 2, 50, 50, 2, 4, 40},
    {"group_across_tiles", 1, 3, 110, 1, 70, 16, true, 107},
    {"queries_late", 1, 40, 230, 1, 3, 64, true, 190},
    {"queries_before_keys", 1, 130, 140, 1, 2, 24, true, -100},
    {"window", 1, 220, 220, 1, 2, 32, true, 0, 70},
    {"window_of_one", 1, 100, 100, 2, 1, 17, true, 0, 1},
    {"window_not_causal", 1, 120, 240, 1, 1, 8, false, 0, 30},
    {"documents", 2, 210, 210, 1, 1, 40, true, 0, 0, 6},
    {"documents_not_causal", 1, 210, 210, 1, 1, 24, false, 0, 0, 3, 1},
    {"dropout", 2, 70, 70, 2, 2, 24, true, 0, 0, 0, 0, 0.2f},
    {"dropout_three_tiles", 1, 250, 250, 1, 1, 33, true, 0, 0, 0, 0, 0.5f},
    {"dropout_not_causal", 1, 101, 203, 1, 3, 16, false, 0, 0, 0, 3, 0.1f},
    {"dropout_documents", 1, 210, 210, 1, 1, 40, true, 0, 50, 6, 0, 0.3f},
    {"dropout_one_query", 2, 1, 99, 1, 2, 8, true, 98, 0, 0, 0, 0.3f},
    {"decode", 3, 1, 515, 2, 1, 64, true, 514},
    {"decode_grouped", 2, 1, 300, 2, 8, 128, true, 299, 0, 0, 64},
    {"decode_odd", 2, 1, 131, 3, 5, 33, true, 130, 50, 0, 7},
    {"decode_documents", 1, 1, 200, 1, 100, 20, false, 0, 0, 4},
    {"decode_no_key", 1, 1, 9, 2, 2, 4, true, -3},
};

Rows::Rows(int64_t batches, int64_t length_in, int64_t width_in, int64_t gap)
    : length(length_in),
      width(width_in),
      row(width_in + gap),
      batch(length_in * (width_in + gap)),
      values(static_cast<size_t>(batches * batch), kGapValue) {}

bool Rows::gaps_untouched() const {
  for (size_t i = 0; i < values.size(); ++i) {
    if (static_cast<int64_t>(i) % row >= width && values[i] != kGapValue) return false;
  }
  return true;
}

AttentionProblem::AttentionProblem(const AttentionCase& c, RandomInputs& random)
    : q(c.batch, c.q_len, c.kv_heads * c.group * c.head_dim, c.gap),
      k(c.batch, c.kv_len, c.kv_heads * c.head_dim, c.gap),
      v(c.batch, c.kv_len, c.kv_heads * c.head_dim, 2 * c.gap),
      dout(c.batch, c.q_len, c.kv_heads * c.group * c.head_dim, 3 * c.gap) {
  for (Rows* rows : {&q, &k, &v, &dout}) {
    fill_rows(*rows, random.normal(c.batch * rows->length * rows->width));
  }
  shape = Attention{.batch = c.batch,
                    .q_len = c.q_len,
                    .kv_len = c.kv_len,
                    .kv_heads = c.kv_heads,
                    .group = c.group,
                    .head_dim = c.head_dim,
                    .q_row = q.row,
                    .q_batch = q.batch,
                    .k_row = k.row,
                    .k_batch = k.batch,
                    .v_row = v.row,
                    .v_batch = v.batch,
                    .o_row = dout.row,
                    .o_batch = dout.batch,
                    .scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim)),
                    .causal = c.causal,
                    .q_offset = c.q_offset,
                    .window = c.window};
  // A block in the middle of a larger tensor.
  shape.dropout = AttentionDropout{.p = c.dropout,
                                   .key = {7, 11},
                                   .kv_heads = c.kv_heads + 3,
                                   .group = c.group + 1,
                                   .queries = c.q_len + 5,
                                   .keys = c.kv_len + 6,
                                   .b0 = 1'000'000'007,
                                   .h0 = 2,
                                   .g0 = 1,
                                   .s0 = 4,
                                   .t0 = 3};
  if (c.documents == 0) return;
  for (int64_t b = 0; b < c.batch; ++b) {
    const std::vector<int32_t> keys = segments_of(c.kv_len, c.documents, random);
    kv_segments.insert(kv_segments.end(), keys.begin(), keys.end());
    q_segments.insert(q_segments.end(), keys.end() - c.q_len, keys.end());
  }
  shape.q_segments = q_segments.data();
  shape.kv_segments = kv_segments.data();
}

AttentionOutput AttentionProblem::forward(const Kernels& kernels, int threads) const {
  AttentionOutput out{dout, {}};
  out.lse_bhgs.resize(
      static_cast<size_t>(shape.batch * shape.kv_heads * shape.group * shape.q_len));
  Workspace workspace(kernels.attention_workspace_bytes(shape, threads));
  kernels.attention(shape, q.values.data(), k.values.data(), v.values.data(), out.o.values.data(),
                    out.lse_bhgs.data(), workspace.data(), threads);
  EXPECT_TRUE(out.o.gaps_untouched());
  return out;
}

AttentionGrads AttentionProblem::backward(const Kernels& kernels, const AttentionOutput& output,
                                          int threads) const {
  AttentionGrads grads{q, k, v};
  Workspace workspace(kernels.attention_grad_workspace_bytes(shape, threads));
  kernels.attention_grad(shape, dout.values.data(), q.values.data(), k.values.data(),
                         v.values.data(), output.o.values.data(), output.lse_bhgs.data(),
                         grads.dq.values.data(), grads.dk.values.data(), grads.dv.values.data(),
                         workspace.data(), threads);
  for (const Rows* rows : {&grads.dq, &grads.dk, &grads.dv}) EXPECT_TRUE(rows->gaps_untouched());
  return grads;
}

}  // namespace tutti::cpu
