#include "plan/plan.h"

#include <algorithm>
#include <numeric>

namespace tutti {
namespace {

Status check_divides(int64_t parts, std::string_view axis, int64_t size, std::string_view what) {
  if (parts >= 1 && size % parts == 0) return {};
  return invalid("parallel.{} = {} does not divide {} = {}", axis, parts, what, size);
}

}  // namespace

std::vector<DimRule> default_rules() {
  return {{"batch", {Axis::kDp, Axis::kShard, Axis::kEp}},
          {"seq", {Axis::kCp}},
          {"stream_seq", {Axis::kCp, Axis::kTp}},
          {"heads", {Axis::kTp}},
          {"mlp", {Axis::kTp}},
          {"vocab", {Axis::kTp}}};
}

std::vector<DimRule> rules_without_sequence_parallel() {
  std::vector<DimRule> rules = default_rules();
  for (DimRule& rule : rules) {
    if (rule.dim == "stream_seq") rule.axes = {Axis::kCp};
  }
  return rules;
}

int64_t Plan::data_ranks() const {
  return int64_t{mesh.size(Axis::kDp)} * mesh.size(Axis::kShard) * mesh.size(Axis::kEp);
}

std::string to_string(const Offload& offload) {
  std::vector<std::string_view> names;
  for (const OffloadName& entry : kOffloadNames) {
    if (offload.*entry.which) names.push_back(entry.name);
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ","));
}

Result<Offload> parse_offload(std::string_view text) {
  Offload offload;
  if (text == "none") return offload;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view name = text.substr(begin, end - begin);
    const auto* const found =
        std::find_if(std::begin(kOffloadNames), std::end(kOffloadNames),
                     [&](const OffloadName& entry) { return entry.name == name; });
    if (found == std::end(kOffloadNames)) {
      return invalid(
          "parallel.offload = \"{}\": \"{}\" is none of parameters, optimizer and activations, of "
          "which it is a list with commas between; or it is \"none\"",
          text, name);
    }
    offload.*found->which = true;
    begin = end + 1;
  }
  return offload;
}

AxisList Plan::whole(Axis axis) const {
  const int32_t size = mesh.size(axis);
  if (axis != Axis::kTp || tp_kv_heads <= 1 || tp_kv_heads >= size) return mesh.whole(axis);
  const int32_t rest = size / tp_kv_heads;
  return {{axis, tp_kv_heads, rest}, {axis, rest, 1}};
}

int64_t Plan::seq_order() const {
  return context_parallel == ContextParallel::kUlysses ? 1 : mesh.size(Axis::kCp);
}

Status validate(const Plan& plan, const PlannedSizes& sizes) {
  const Mesh& mesh = plan.mesh;
  for (const AxisName& entry : kAxes) {
    if (mesh.size(entry.axis) < 1) {
      return invalid("parallel.{} = {}, expected at least 1", entry.name, mesh.size(entry.axis));
    }
  }
  const int64_t tp = mesh.size(Axis::kTp), cp = mesh.size(Axis::kCp), pp = mesh.size(Axis::kPp);
  const int64_t kv_part = std::gcd(tp, sizes.kv_heads);
  if (sizes.group % (tp / kv_part) != 0) {
    return invalid("parallel.tp = {} does not divide {} heads ({} key/value x group {})", tp,
                   sizes.kv_heads * sizes.group, sizes.kv_heads, sizes.group);
  }
  TUTTI_TRY(check_divides(tp, "tp", sizes.mlp, "model.mlp"));
  TUTTI_TRY(check_divides(tp, "tp", sizes.vocab, "the padded vocabulary"));
  TUTTI_TRY(check_divides(cp * tp, "cp x tp", sizes.seq, "train.seq_len"));
  if (cp > 1 && plan.context_parallel != ContextParallel::kUlysses) {
    TUTTI_TRY(
        check_divides(2 * cp, "cp x 2 (each rank holds two chunks)", sizes.seq, "train.seq_len"));
  }
  if (plan.context_parallel == ContextParallel::kUlysses && sizes.kv_heads / kv_part % cp != 0) {
    return invalid(
        "parallel.cp = {} exchanges positions for heads (context_parallel = \"ulysses\"), "
        "but a rank has {} of {} key/value heads; set context_parallel = \"ring\" or "
        "\"gather\"",
        cp, sizes.kv_heads / kv_part, sizes.kv_heads);
  }
  if (plan.pipeline().positions() > sizes.layers) {
    return invalid("parallel.pp = {} with {} chunks a stage exceeds model.layers = {}", pp,
                   plan.chunks, sizes.layers);
  }
  if (plan.zero < 0 || plan.zero > 3) {
    return invalid("parallel.zero = {}, expected 0 to 3", plan.zero);
  }
  if (plan.zero > 0 && group_size(zero_axes(plan)) == 1) {
    return invalid(
        "parallel.zero = {} shards over shard x ep x cp = 1: set parallel.shard = {}, "
        "parallel.dp = 1",
        plan.zero, std::max(2, mesh.size(Axis::kDp)));
  }
  if (plan.offload.parameters && (plan.zero == 1 || plan.zero == 2)) {
    return invalid(
        "parallel.offload = \"{}\" with parallel.zero = {}, which gathers whole parameters behind "
        "each update; set parallel.zero = 3, which keeps a part of them on each rank",
        to_string(plan.offload), plan.zero);
  }
  return {};
}

AxisList axes_of_dim(const Plan& plan, const Dim& dim) {
  const bool heads = dim.name == "kv_heads" || dim.name == "group";
  const std::string_view rule_name = heads ? "heads" : std::string_view(dim.name);
  AxisList axes;
  for (const DimRule& rule : plan.rules) {
    if (rule.dim != rule_name) continue;
    for (Axis axis : rule.axes) {
      const AxisList whole = heads ? plan.mesh.whole(axis) : plan.whole(axis);
      axes.insert(axes.end(), whole.begin(), whole.end());
    }
  }
  return axes;
}

Placement placement_by_rules(const Plan& plan, const std::vector<Dim>& dims) {
  Placement placement;
  int64_t kv_heads = 1;
  for (const Dim& dim : dims) {
    if (dim.name == "kv_heads") kv_heads = dim.size;
  }
  for (const Dim& dim : dims) {
    AxisList axes = axes_of_dim(plan, dim);
    if (dim.name == "kv_heads" || dim.name == "group") {
      AxisList factors;
      for (const MeshAxis& axis : axes) {
        const int32_t kv_part = static_cast<int32_t>(std::gcd<int64_t>(axis.size, kv_heads));
        const int32_t rest = axis.size / kv_part;
        const MeshAxis factor = dim.name == "kv_heads" ? MeshAxis{axis.axis, kv_part, rest}
                                                       : MeshAxis{axis.axis, rest, 1};
        if (factor.size > 1) factors.push_back(factor);
      }
      axes = factors;
    }
    placement.dims.push_back(std::move(axes));
  }
  return placement;
}

bool reduces_each_microbatch(const Plan& plan) {
  if (plan.grad_reduce == GradReduce::kAuto) return plan.zero >= 2;
  return plan.grad_reduce == GradReduce::kMicrobatch;
}

Placement attention_placement(const Plan& plan, const std::vector<Dim>& dims, bool queries) {
  Placement placement = placement_by_rules(plan, dims);
  const AxisList cp = plan.mesh.whole(Axis::kCp);
  const int seq = dim_index(dims, "seq"), heads = dim_index(dims, "kv_heads");
  if (cp.empty() || seq < 0) return placement;
  AxisList& positions = placement.dims[static_cast<size_t>(seq)];
  if (plan.context_parallel == ContextParallel::kGather && !queries) positions.clear();
  if (plan.context_parallel == ContextParallel::kUlysses) {
    positions.clear();
    if (heads >= 0) {
      AxisList& cut = placement.dims[static_cast<size_t>(heads)];
      cut.insert(cut.end(), cp.begin(), cp.end());
    }
  }
  return placement;
}

AxisList zero_axes(const Plan& plan) {
  AxisList axes;
  for (Axis axis : {Axis::kShard, Axis::kEp, Axis::kCp}) {
    for (const MeshAxis& whole : plan.mesh.whole(axis)) axes.push_back(whole);
  }
  return axes;
}

int position_of_block(const Plan& plan, int block, int64_t layers) {
  const int positions = plan.pipeline().positions();
  if (block < 0) return 0;
  if (block >= layers) return positions - 1;
  if (!plan.layer_positions.empty()) return plan.layer_positions[static_cast<size_t>(block)];
  return static_cast<int>(block * positions / layers);
}

}  // namespace tutti
