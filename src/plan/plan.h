// A plan: the mesh, which axes cut which dims, and how memory is traded. Everything that a layout
// decides is here; models know nothing of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "collective/pipeline.h"
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
// The same with a residual stream that is whole on each rank of tp.
std::vector<DimRule> rules_without_sequence_parallel();

// When gradients are reduced over the ranks that share a parameter.
enum class GradReduce : uint8_t {
  kAuto,        // kEnd for ZeRO 0 and 1, kMicrobatch for 2 and 3
  kEnd,         // once a step: a rank keeps all of its gradients until then
  kMicrobatch,  // over the zero axes behind each microbatch, over the others once
};

// How attention over cut positions gets the keys and values of other ranks.
enum class ContextParallel : uint8_t {
  kRing,     // they go around, a step at a time, beside the compute of the step before
  kGather,   // gathered at once
  kUlysses,  // positions are exchanged for heads
};

// What backward computes again instead of keeping it, beyond norms and activations.
enum class RecomputePolicy : uint8_t {
  kNone,
  kSelective,  // attention
  kFull,       // all of a layer but its input
  kBudget,     // the cheapest set that fits Plan::stash_bytes
};

// What is kept outside of the device's memory and fetched when it is needed.
struct Offload {
  bool parameters = false;
  bool optimizer = false;          // state
  bool activations = false;        // what backward needs of forward
  bool to_host = false;            // counts as the rank's memory where a limit is kept
  int64_t least_bytes = 64 << 10;  // of a value on a rank: smaller ones stay
  int64_t piece_bytes = 16 << 20;  // at most, in which the optimizer goes through a value

  bool any() const { return parameters || optimizer || activations; }
};

// What settings call its parts.
struct OffloadName {
  std::string_view name;
  bool Offload::*which;
};
inline constexpr OffloadName kOffloadNames[] = {{"parameters", &Offload::parameters},
                                                {"optimizer", &Offload::optimizer},
                                                {"activations", &Offload::activations}};
std::string to_string(const Offload& offload);  // "parameters,optimizer"; "none"
// Those names, separated by commas; the error names the first that is none.
Result<Offload> parse_offload(std::string_view text);

struct Plan {
  Mesh mesh;
  std::vector<DimRule> rules = default_rules();
  // The part of tp that cuts key/value heads, which the model may have fewer of; the rest of tp
  // cuts the group of queries. 0: all of tp.
  int32_t tp_kv_heads = 0;
  int64_t micro_batch = 1;   // samples of one microbatch on one data rank
  int64_t microbatches = 1;  // of a step, on each data rank
  int zero = 0;              // ZeRO stage: 1 cuts the optimizer at rest, 2 gradients, 3 parameters
  GradReduce grad_reduce = GradReduce::kAuto;
  // Blocks that gathers of parameters and fetches run ahead, and reductions and stores may lag
  // behind.
  int prefetch = 1;
  ContextParallel context_parallel = ContextParallel::kRing;
  bool reshard_after_forward = true;  // ZeRO 3: backward gathers parameters again
  int chunks = 1;                     // that each pipeline stage holds of the model
  ChunkOrder chunk_order = ChunkOrder::kLoop;
  std::vector<int> layer_positions;  // of each layer in the pipeline; empty: equal shares
  bool split_backward = false;       // the schedule runs input and weight gradients apart
  RecomputePolicy recompute = RecomputePolicy::kNone;
  // kBudget: what a microbatch may keep for backward at each position of the pipeline.
  std::vector<int64_t> stash_bytes;
  // And which part of what a stage holds waits there for weight gradients that run apart.
  std::vector<double> stash_apart;
  Offload offload;
  int64_t bucket_chunk = 64;  // elements: each parameter of a bucket is padded to this

  // An axis as placements name it: none when its size is 1, two factors where tp is split as above.
  AxisList whole(Axis axis) const;
  // The parts of the zigzag order in which positions lie (collective/seq_order.h); 1: natural
  // order.
  int64_t seq_order() const;
  int64_t data_ranks() const;
  Pipeline pipeline() const { return {mesh.size(Axis::kPp), chunks, chunk_order}; }
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

// Whether each microbatch's gradients are reduced over the zero axes.
bool reduces_each_microbatch(const Plan& plan);

// How values of attention with these dims lie while it is computed; its queries' where `queries`.
Placement attention_placement(const Plan& plan, const std::vector<Dim>& dims, bool queries);

// The axes over which ZeRO cuts what is replicated over them: shard, ep and cp.
AxisList zero_axes(const Plan& plan);

// The pipeline position of a block: -1 (embedding) is at the first, `layers` (head) at the last.
int position_of_block(const Plan& plan, int block, int64_t layers);

}  // namespace tutti
