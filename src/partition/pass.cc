#include "partition/pass.h"

#include <algorithm>
#include <array>

#include "base/clock.h"
#include "ir/verify.h"

namespace tutti {
namespace {

constexpr std::array kPasses = std::to_array<Pass>({
    {"fuse_loss", false, fuse_loss},
    {"expand_loss", true, expand_loss},
    {"assign_stages", true, assign_stages},
    {"merge_accumulators", true, merge_accumulators},
    {"split_bias", true, split_bias},
    {"recompute", false, recompute},
    {"at_rest", true, at_rest},
    {"expand_attention", true, expand_attention},
    {"place", true, place},
    {"fold_residuals", false, fold_residuals},
    {"fold_accumulation", true, fold_accumulation},
    {"offload", true, offload},
    {"overlap", false, overlap},
    {"drop_unused", false, drop_unused},
});

Status check_names(const std::vector<std::string>& disabled) {
  for (const std::string& name : disabled) {
    const auto found = std::find_if(kPasses.begin(), kPasses.end(),
                                    [&](const Pass& pass) { return pass.name == name; });
    if (found == kPasses.end()) return invalid("there is no pass called {}", name);
    if (found->required) return invalid("the pass {} cannot be disabled", name);
  }
  return {};
}

Status verified(const Graph& graph, const PassContext& context, std::string_view when) {
  const Status status = verify(graph, context.ops);
  if (status.ok()) return {};
  return invalid("{}: {}", when, status.message());
}

}  // namespace

std::span<const Pass> all_passes() { return kPasses; }

Result<std::vector<PassRecord>> run_passes(Graph& graph, const PassContext& context,
                                           const PassOptions& options) {
  TUTTI_TRY(check_names(options.disabled));
  TUTTI_TRY(verified(graph, context, "before the first pass"));
  const auto clock = make_system_clock();
  std::vector<PassRecord> records;
  for (const Pass& pass : kPasses) {
    const auto& off = options.disabled;
    if (std::find(off.begin(), off.end(), pass.name) != off.end()) continue;
    PassRecord record{pass.name, 0, graph.ops.size(), 0};
    const double start_s = clock->monotonic_s();
    TUTTI_TRY(pass.run(graph, context));
    record.seconds = clock->monotonic_s() - start_s;
    record.ops_after = graph.ops.size();
    TUTTI_TRY(verified(graph, context, fmt::format("after the pass {}", pass.name)));
    records.push_back(record);
    if (options.dump) options.dump(pass.name, graph);
  }
  return records;
}

int body_index(const Op& op, const Plan& plan) {
  if (op.region != Region::kBody) return -1;
  if (op.phase == Phase::kForward) return 0;
  return plan.split_backward && op.phase == Phase::kBackwardWeight ? 2 : 1;
}

}  // namespace tutti
