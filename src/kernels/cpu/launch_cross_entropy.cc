// The loss over the logits of x[..., embed] w[vocab, embed]^T, of which w may hold a part of the
// vocabulary.
#include <cmath>

#include "kernels/cpu/launch.h"

namespace tutti::cpu {
namespace {

struct Problem {
  const float* x_nd;
  const float* w_vd;
  const int32_t* labels_n;
  int64_t n, rows, d, first_row, vocab_valid;
};

// `x_at` is the input x, which w and the labels follow.
Problem problem_of(const KernelCall& call, size_t x_at) {
  const Operand &x = call.inputs[x_at], &w = call.inputs[x_at + 1], &labels = call.inputs[x_at + 2];
  return {.x_nd = f32(x),
          .w_vd = f32(w),
          .labels_n = i32(labels),
          .n = labels.count(),
          .rows = w.sizes[0],
          .d = w.sizes[1],
          .first_row = w.offsets[0],
          .vocab_valid = call.attributes->get_int("vocab_valid", w.global_sizes[0])};
}

// Per token: maximum, sum of exponentials, logit of the label.
struct Stats {
  float* max_n;
  float* sum_n;
  float* label_logit_n;
};

void* take_logits(Workspace& workspace, const Kernels& kernels, const Problem& p, int threads) {
  return workspace.take(kernels.linear_cross_entropy_workspace_bytes(p.n, p.rows, p.d, threads));
}

Stats take_stats(Workspace& workspace, int64_t n) {
  return {workspace.take<float>(n), workspace.take<float>(n), workspace.take<float>(n)};
}

void compute_stats(const Kernels& kernels, const Problem& p, const Stats& stats, void* logits,
                   int threads) {
  kernels.logits_stats(p.x_nd, p.w_vd, p.labels_n, p.n, p.rows, p.d, p.first_row, p.vocab_valid,
                       stats.max_n, stats.sum_n, stats.label_logit_n, logits, threads);
}

// lse = max + log(sum); loss (+)= lse - label_logit, over the labelled tokens in their order.
void combine_stats(const Stats& stats, const int32_t* labels_n, int64_t n, bool accumulate,
                   float* loss, float* lse_n) {
  double total = accumulate ? *loss : 0.0;
  for (int64_t i = 0; i < n; ++i) {
    const double label_logit = stats.label_logit_n[i];
    const double lse = stats.max_n[i] + std::log(static_cast<double>(stats.sum_n[i]));
    lse_n[i] = static_cast<float>(lse);
    if (labels_n[i] >= 0) total += lse - label_logit;
  }
  *loss = static_cast<float>(total);
}

size_t loss_workspace_bytes(const Kernels& kernels, const KernelCall& call) {
  const Problem p = problem_of(call, 0);
  Workspace workspace(nullptr);
  take_stats(workspace, p.n);
  take_logits(workspace, kernels, p, call.threads);
  return workspace.bytes();
}

void run_loss(const Kernels& kernels, const KernelCall& call) {
  const Problem p = problem_of(call, 0);
  Workspace workspace(call.workspace);
  const Stats stats = take_stats(workspace, p.n);
  compute_stats(kernels, p, stats, take_logits(workspace, kernels, p, call.threads), call.threads);
  combine_stats(stats, p.labels_n, p.n, call.adds_to(0), f32(call.outputs[0]),
                f32(call.outputs[1]));
}

// For every op whose workspace holds nothing but logits.
template <size_t kXAt>
size_t logits_workspace_bytes(const Kernels& kernels, const KernelCall& call) {
  Workspace workspace(nullptr);
  take_logits(workspace, kernels, problem_of(call, kXAt), call.threads);
  return workspace.bytes();
}

void run_loss_grad(const Kernels& kernels, const KernelCall& call) {
  const Problem p = problem_of(call, 1);
  kernels.linear_cross_entropy_grad(p.x_nd, p.w_vd, p.labels_n, f32(call.inputs[4]),
                                    f32(call.inputs[0]), p.n, p.rows, p.d, p.first_row,
                                    p.vocab_valid, f32(call.outputs[0]), f32(call.outputs[1]),
                                    call.adds_to(1), call.workspace, call.threads);
}

void run_fused(const Kernels& kernels, const KernelCall& call) {
  const Problem p = problem_of(call, 1);
  TUTTI_CHECK(p.first_row == 0, "the fused loss needs the whole vocabulary, w begins at row {}",
              p.first_row);
  kernels.linear_cross_entropy_fused(p.x_nd, p.w_vd, p.labels_n, f32(call.inputs[0]), p.n, p.rows,
                                     p.d, p.vocab_valid, f32(call.outputs[0]), call.adds_to(0),
                                     f32(call.outputs[1]), f32(call.outputs[2]), call.adds_to(2),
                                     call.workspace, call.threads);
}

void run_logits_stats(const Kernels& kernels, const KernelCall& call) {
  const Stats stats{f32(call.outputs[0]), f32(call.outputs[1]), f32(call.outputs[2])};
  compute_stats(kernels, problem_of(call, 0), stats, call.workspace, call.threads);
}

void run_rescale_sum(const Kernels&, const KernelCall& call) {
  const float *sum_n = f32(call.inputs[0]), *local_max_n = f32(call.inputs[1]);
  const float* max_n = f32(call.inputs[2]);
  float* out_n = f32(call.outputs[0]);
  for (int64_t i = 0; i < call.outputs[0].count(); ++i) {
    const double change = static_cast<double>(local_max_n[i]) - max_n[i];
    out_n[i] = static_cast<float>(sum_n[i] * std::exp(change));
  }
}

void run_from_stats(const Kernels&, const KernelCall& call) {
  const Stats stats{f32(call.inputs[0]), f32(call.inputs[1]), f32(call.inputs[2])};
  const Operand& labels = call.inputs[3];
  combine_stats(stats, i32(labels), labels.count(), call.adds_to(0), f32(call.outputs[0]),
                f32(call.outputs[1]));
}

constexpr Launch kCrossEntropyLaunches[] = {
    {OpKind::kLinearCrossEntropy, run_loss, loss_workspace_bytes},
    {OpKind::kLinearCrossEntropyGrad, run_loss_grad, logits_workspace_bytes<1>},
    {OpKind::kLinearCrossEntropyFused, run_fused, logits_workspace_bytes<1>},
    {OpKind::kLogitsStats, run_logits_stats, logits_workspace_bytes<0>},
    {OpKind::kRescaleSum, run_rescale_sum},
    {OpKind::kCrossEntropyFromStats, run_from_stats},
};

}  // namespace

std::span<const Launch> cross_entropy_launches() { return kCrossEntropyLaunches; }

}  // namespace tutti::cpu
