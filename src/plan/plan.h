// A plan: the mesh, which axes cut which dims, and how memory is traded. Everything that a layout
// decides is here; models know nothing of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "collective/placement.h"
#include "ir/graph.h"

namespace tutti {

// The mesh axes that cut a dim, major first.
struct DimRule {
  std::string_view dim;
  std::vector<Axis> axes;
};

// batch over the data axes, positions over cp, the residual stream over cp and tp (sequence
// parallelism), heads, mlp and vocabulary over tp.
std::vector<DimRule> default_rules();

struct Plan {
  Mesh mesh;
  std::vector<DimRule> rules = default_rules();
  int64_t micro_batch = 1;   // samples of one microbatch on one data rank
  int64_t microbatches = 1;  // of a step, on each data rank
  int zero = 0;              // ZeRO stage: 0, or 3 (parameters, gradients and optimizer at rest cut)
  std::vector<int> layer_stages;  // the stage of each layer; empty: equal shares
  bool split_backward = false;    // the schedule runs input and weight gradients apart
  bool recompute_cheap = true;    // backward repeats norms and activations rather than keep them
  int64_t bucket_chunk = 64;      // elements: each parameter of a bucket is padded to this

  int64_t data_ranks() const;
  int64_t samples_per_microbatch() const { return micro_batch * data_ranks(); }
};

// Sizes of the model's dims that a plan must divide.
struct PlannedSizes {
  int64_t layers = 0, kv_heads = 0, group = 0, mlp = 0, vocab = 0, seq = 0;
};

// Checks that the mesh fits the model; the message says which setting does not divide what.
Status validate(const Plan& plan, const PlannedSizes& sizes);

// The axes that cut a dim of this name and size. "kv_heads" and "group" share tp: kv_heads takes
// gcd(tp, kv_heads), group the rest.
AxisList axes_of_dim(const Plan& plan, const Dim& dim);
// How a value with these dims lies when nothing else is said.
Placement placement_by_rules(const Plan& plan, const std::vector<Dim>& dims);

// The axes over which ZeRO cuts what is replicated over them: shard, ep and cp.
AxisList zero_axes(const Plan& plan);

// The pipeline stage of a block: -1 (embedding) is on the first, `layers` (head) on the last.
int stage_of_block(const Plan& plan, int block, int64_t layers);

}  // namespace tutti
