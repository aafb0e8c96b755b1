// The pass runner: one explicit list of passes from the single-device step graph to the local graph
// with its collectives. The graph is verified before the first pass and after each; every pass can
// be disabled or dumped by name, and is timed.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/graph.h"
#include "ops/op_def.h"
#include "plan/plan.h"

namespace tutti {

struct PassContext {
  const OpTable& ops;
  const Plan& plan;
};

struct Pass {
  std::string_view name;
  bool required;  // a step that is cut over ranks is wrong without it
  Status (*run)(Graph& graph, const PassContext& context);
};

// In the order in which they run.
std::span<const Pass> all_passes();

struct PassRecord {
  std::string_view name;
  double seconds = 0;
  size_t ops_before = 0;
  size_t ops_after = 0;
};

struct PassOptions {
  std::vector<std::string> disabled;  // names of passes that are not required
  std::function<void(std::string_view name, const Graph& graph)> dump;  // after each pass
};

Result<std::vector<PassRecord>> run_passes(Graph& graph, const PassContext& context,
                                           const PassOptions& options);

// Which of the bodies of a microbatch an op belongs to: 0 forward, 1 backward (or input gradients),
// 2 weight gradients when the schedule runs them apart. -1 outside of the body region.
int body_index(const Op& op, const Plan& plan);

// The passes, one file each.
Status fuse_loss(Graph& graph, const PassContext& context);
Status expand_loss(Graph& graph, const PassContext& context);
Status merge_accumulators(Graph& graph, const PassContext& context);
Status assign_stages(Graph& graph, const PassContext& context);
Status split_bias(Graph& graph, const PassContext& context);
Status recompute(Graph& graph, const PassContext& context);
Status expand_attention(Graph& graph, const PassContext& context);
Status at_rest(Graph& graph, const PassContext& context);
Status place(Graph& graph, const PassContext& context);
Status fold_residuals(Graph& graph, const PassContext& context);
Status fold_accumulation(Graph& graph, const PassContext& context);
Status offload(Graph& graph, const PassContext& context);
Status overlap(Graph& graph, const PassContext& context);
Status drop_unused(Graph& graph, const PassContext& context);

}  // namespace tutti
