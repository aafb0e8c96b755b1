// Gives every value its placement and inserts the redistributions.
//
// Named dims and the plan's rules say how a value lies; only Partial is derived: an op that sums
// over a cut dim leaves a Partial. An operand that does not lie as its reader wants is brought
// there, once for each (value, target, body): backward repeats what forward gathered, so that
// nothing gathered is kept.
#include <algorithm>
#include <map>
#include <set>

#include "ir/builder.h"
#include "ir/text.h"
#include "partition/pass.h"

namespace tutti {
namespace {

bool is_bucket(const Value& value) {
  return value.type.dims.size() == 1 && value.type.dims[0].name == "elements";
}

class Placer {
 public:
  Placer(Graph& graph, const PassContext& context)
      : graph_(graph), context_(context), plan_(context.plan), builder_(graph, context.ops) {}

  Status run() {
    for (Value& value : graph_.values) {
      if (value.role != Role::kTemporary && !is_bucket(value)) {
        value.placement = placement_by_rules(plan_, value.type.dims);
      }
    }
    std::vector<Op> old = std::move(graph_.ops);
    graph_.ops.clear();
    bool epilogue = false;
    for (Op& op : old) {
      if (op.region == Region::kEpilogue && !epilogue) spread_over_stages();
      epilogue = op.region == Region::kEpilogue;
      scope(op);
      TUTTI_TRY(place_op(op));
      graph_.ops.push_back(std::move(op));
    }
    return builder_.status();
  }

 private:
  Value& value(ValueId id) { return graph_.value(id); }
  Placement by_rules(ValueId id) { return placement_by_rules(plan_, value(id).type.dims); }

  // An accumulator of every stage is zero where a stage adds nothing: Partial over them.
  void spread_over_stages() {
    for (Value& value : graph_.values) {
      if (value.role != Role::kAccumulator || value.stage != kEveryStage) continue;
      AxisList partial = value.placement.partial;
      for (const MeshAxis& pp : plan_.mesh.whole(Axis::kPp)) partial.insert(partial.begin(), pp);
      if (partial.empty()) continue;
      value.placement = with_partial(resolved(value.placement), Reduce::kSum, partial);
    }
  }

  void scope(const Op& op) {
    builder_.scope_of(op);
    body_ = op.region == Region::kBody ? body_index(op, plan_) : -1 - static_cast<int>(op.region);
  }

  Status place_op(Op& op) {
    switch (context_.ops[op.kind].place) {
      case PlaceRule::kMap:
        return place_map(op, false);
      case PlaceRule::kReduce:
        return place_map(op, true);
      case PlaceRule::kAttention:
        return place_attention(op);
      case PlaceRule::kRelabel:
        return place_relabel(op);
      case PlaceRule::kAdd:
        return place_add(op);
      case PlaceRule::kAccumulate:
        return place_accumulate(op);
      case PlaceRule::kUpdate:
        return place_update(op);
      case PlaceRule::kSumSquares:
        return place_sum_squares(op);
      case PlaceRule::kBucketView:
        return place_bucket_view(op);
      case PlaceRule::kBucketPack:
        return place_bucket_pack(op);
      case PlaceRule::kSettle:
        return place_settle(op);
      case PlaceRule::kStats:
        return place_stats(op);
      case PlaceRule::kAsIs:
        return place_as_is(op);
    }
    return {};
  }

  std::string brought_key(ValueId id, const Placement& target) {
    return fmt::format("{} {} {}", id.index, keeps_gathered(id) ? 0 : body_,
                       to_string(value(id).type, target));
  }

  // Parameters that backward reads as forward gathered them.
  bool keeps_gathered(ValueId id) {
    return !plan_.reshard_after_forward && body_ > 0 && is_bucket(value(id)) &&
           value(id).role == Role::kParameter;
  }

  bool resolved_before(ValueId id) { return brought_.contains(brought_key(id, by_rules(id))); }

  // The value at `target`, redistributed in front of the op that is being placed.
  Status bring(ValueId& id, const Placement& target) {
    if (value(id).placement == target) return {};
    const std::string key = brought_key(id, target);
    if (const auto found = brought_.find(key); found != brought_.end()) {
      id = found->second;
      return {};
    }
    const auto steps = plan_redistribution(value(id).placement, target);
    if (!steps) {
      return invalid("no redistribution of %{} from {} to {}", value(id).name,
                     to_string(value(id).type, value(id).placement),
                     to_string(value(id).type, target));
    }
    const int stage = builder_.stage;
    if (stage == kEveryStage) builder_.stage = value(id).stage;
    ValueId now = id;
    for (const RedistributionStep& step : *steps) now = emit_step(now, step);
    builder_.stage = stage;
    brought_[key] = now;
    id = now;
    return {};
  }

  ValueId emit_step(ValueId from, const RedistributionStep& step) {
    static constexpr std::array<std::pair<OpKind, std::string_view>, 6> kSteps = {
        {{OpKind::kSlice, "slice"},
         {OpKind::kMask, "mask"},
         {OpKind::kAllToAll, "alltoall"},
         {OpKind::kReduceScatter, "scattered"},
         {OpKind::kAllReduce, "reduced"},
         {OpKind::kAllGather, "gathered"}}};
    const auto& [kind, suffix] = kSteps[static_cast<size_t>(step.kind)];
    const auto& dims = value(from).type.dims;
    Attributes attributes{{"axes", to_string(step.axes)}};
    if (step.dim >= 0) attributes.set("dim", dims[static_cast<size_t>(step.dim)].name);
    if (step.to_dim >= 0) attributes.set("to_dim", dims[static_cast<size_t>(step.to_dim)].name);
    if (value(from).placement.reduce == Reduce::kMax) attributes.set("reduce", std::string("max"));
    const ValueId id =
        builder_.emit(kind, {from}, attributes, fmt::format("{}.{}", value(from).name, suffix));
    value(id).placement = step.result;
    return id;
  }

  Status place_map(Op& op, bool sums) {
    AxisList axes;
    for (ValueId& id : op.inputs) {
      TUTTI_TRY(bring(id, is_bucket(value(id)) ? resolved(value(id).placement) : by_rules(id)));
      const AxisList cut = shard_axes(value(id).placement);
      axes.insert(axes.end(), cut.begin(), cut.end());
    }
    axes = sorted(axes);
    for (ValueId id : op.outputs) {
      Placement placement = by_rules(id);
      AxisList lost = axes;
      const AxisList kept = shard_axes(placement);
      std::erase_if(lost, [&](const MeshAxis& axis) { return contains(kept, axis); });
      if (!lost.empty() && !sums) {
        return invalid("{} %{} sums over dims that are cut over {}, which it cannot",
                       op_name(op.kind), value(id).name, to_string(lost));
      }
      value(id).placement = with_partial(std::move(placement), Reduce::kSum, lost);
    }
    return {};
  }

  // Keys and values are where the plan brings them together with queries; what a rank computes of
  // their gradients is its queries' part.
  Status place_attention(Op& op) {
    const bool forward = op.kind == OpKind::kAttention;
    const size_t keys = forward ? 1 : 2, segments = forward ? 3 : 6;
    AxisList queries;
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      const bool of_keys =
          i == keys || i == keys + 1 || (i == segments + 1 && !is_scalar(op.inputs[i]));
      const Placement target = attention_placement(plan_, value(op.inputs[i]).type.dims, !of_keys);
      TUTTI_TRY(bring(op.inputs[i], target));
      const AxisList cut = shard_axes(target);
      queries.insert(queries.end(), cut.begin(), cut.end());
    }
    queries = sorted(queries);
    for (size_t i = 0; i < op.outputs.size(); ++i) {
      const bool of_keys = !forward && i > 0;
      Placement placement = attention_placement(plan_, value(op.outputs[i]).type.dims, !of_keys);
      AxisList lost = queries;
      const AxisList kept = shard_axes(placement);
      std::erase_if(lost, [&](const MeshAxis& axis) { return contains(kept, axis); });
      value(op.outputs[i]).placement = with_partial(std::move(placement), Reduce::kSum, lost);
    }
    return {};
  }

  bool is_scalar(ValueId id) { return value(id).type.dims.empty(); }

  Status place_relabel(Op& op) {
    Value& output = value(op.outputs[0]);
    if (value(op.inputs[0]).placement.is_partial()) {
      output.placement = value(op.inputs[0]).placement;
      return {};
    }
    Placement target = by_rules(op.outputs[0]);
    // What the result will be cut over beyond what its source is, its readers cut locally.
    const Placement now = value(op.inputs[0]).placement;
    for (size_t d = 0; d < target.dims.size(); ++d) {
      if (target.dims[d].size() > now.dims[d].size()) target.dims[d] = now.dims[d];
    }
    TUTTI_TRY(bring(op.inputs[0], target));
    output.placement = target;
    return {};
  }

  Status place_add(Op& op) {
    const Placement a = value(op.inputs[0]).placement, b = value(op.inputs[1]).placement;
    // A sum whose operand is resolved for another reader anyway is made of resolved operands.
    const bool alike = a == b && a.is_partial() && !resolved_before(op.inputs[0]) &&
                       !resolved_before(op.inputs[1]);
    for (ValueId& id : op.inputs) {
      if (!alike) TUTTI_TRY(bring(id, by_rules(id)));
    }
    value(op.outputs[0]).placement = value(op.inputs[0]).placement;
    return {};
  }

  // An accumulator is Partial as the first gradient that comes: what it is not cut over is added
  // over the microbatches and reduced once.
  Status place_accumulate(Op& op) {
    const Placement incoming = value(op.inputs[1]).placement;
    Placement& home = value(op.inputs[0]).placement;
    if (settled_.insert(op.inputs[0]).second) {
      if (!is_bucket(value(op.inputs[0]))) home = resolved(incoming);
      AxisList partial = incoming.partial;
      std::erase_if(partial,
                    [&](const MeshAxis& axis) { return contains(shard_axes(home), axis); });
      home = with_partial(home, partial.empty() ? Reduce::kNone : Reduce::kSum, partial);
    }
    const Placement target = home;
    TUTTI_TRY(bring(op.inputs[1], target));
    value(op.outputs[0]).placement = value(op.inputs[0]).placement;
    return {};
  }

  Status place_update(Op& op) {
    const Placement home = value(op.inputs[0]).placement;
    for (ValueId& id : op.inputs) {
      const bool like_home = value(id).type == value(op.inputs[0]).type;
      TUTTI_TRY(bring(id, like_home ? home : by_rules(id)));
    }
    for (size_t k = 0; k < op.outputs.size(); ++k) {
      value(op.outputs[k]).placement = value(op.inputs[k]).placement;
    }
    return {};
  }

  // Counts each element once: replicated inputs are masked to one coordinate by the redistribution
  // to Partial of the squares' sum, which is done on the scalar, not on the input.
  Status place_sum_squares(Op& op) {
    AxisList axes;
    std::vector<AxisList> cuts;
    for (ValueId& id : op.inputs) {
      TUTTI_TRY(bring(id, at_rest(id)));
      cuts.push_back(shard_axes(value(id).placement));
      axes.insert(axes.end(), cuts.back().begin(), cuts.back().end());
    }
    for (const MeshAxis& pp : plan_.mesh.whole(Axis::kPp)) axes.push_back(pp);
    axes = sorted(axes);
    std::vector<std::string> masks;
    for (const AxisList& cut : cuts) {
      AxisList missing = axes;
      std::erase_if(missing, [&](const MeshAxis& axis) {
        return contains(cut, axis) || axis.axis == Axis::kPp;
      });
      masks.push_back(missing.empty() ? "none" : to_string(missing));
    }
    op.attributes.set("count_once_over", masks);
    value(op.outputs[0]).placement = with_partial(Placement{}, Reduce::kSum, axes);
    return {};
  }

  Placement at_rest(ValueId id) {
    if (!is_bucket(value(id))) return by_rules(id);
    return resolved(value(id).placement);
  }

  Status place_bucket_view(Op& op) {
    Placement whole = value(op.inputs[0]).placement;
    const AxisList zero = zero_axes(plan_);
    std::erase_if(whole.dims[0], [&](const MeshAxis& axis) { return contains(zero, axis); });
    TUTTI_TRY(bring(op.inputs[0], whole));
    value(op.outputs[0]).placement = by_rules(op.outputs[0]);
    return {};
  }

  Status place_bucket_pack(Op& op) {
    AxisList partial;
    AxisList content;
    for (ValueId id : op.inputs) {
      const Placement& placement = value(id).placement;
      partial.insert(partial.end(), placement.partial.begin(), placement.partial.end());
      content = shard_axes(placement);
    }
    partial = sorted(partial);
    for (ValueId& id : op.inputs) {
      TUTTI_TRY(bring(id, with_partial(resolved(value(id).placement),
                                       partial.empty() ? Reduce::kNone : Reduce::kSum, partial)));
    }
    Placement placement;
    placement.dims = {content};
    placement = with_partial(placement, partial.empty() ? Reduce::kNone : Reduce::kSum, partial);
    Value& packed = value(op.outputs[0]);
    packed.placement = placement;
    if (packed.updates.valid()) value(packed.updates).placement = placement;
    return {};
  }

  // The input is brought to where the output was declared to lie, in the storage that it updates.
  Status place_settle(Op& op) {
    const ValueId storage = value(op.inputs[0]).updates;
    const size_t first = graph_.values.size();
    const Placement target = value(op.outputs[0]).placement;
    TUTTI_TRY(bring(op.inputs[0], target));
    for (size_t i = first; i < graph_.values.size(); ++i) graph_.values[i].updates = storage;
    return {};
  }

  Status place_stats(Op& op) {
    if (op.kind == OpKind::kRescaleSum) {
      // The third operand is the maximum over all ranks; the first two are this rank's own.
      TUTTI_TRY(bring(op.inputs[2], resolved(value(op.inputs[2]).placement)));
      value(op.outputs[0]).placement = value(op.inputs[0]).placement;
      return {};
    }
    for (ValueId& id : op.inputs) TUTTI_TRY(bring(id, by_rules(id)));
    const AxisList rows = value(op.inputs[1]).placement.dims[0];
    for (size_t i = 0; i < op.outputs.size(); ++i) {
      value(op.outputs[i]).placement =
          with_partial(by_rules(op.outputs[i]), i == 0 ? Reduce::kMax : Reduce::kSum, rows);
    }
    return {};
  }

  // Transfers move a value resolved, as it lies at rest; replicas of a gradient are reduced within
  // their stage first.
  Status place_as_is(Op& op) {
    if (op.kind == OpKind::kRingShift) {
      value(op.outputs[0]).placement = value(op.inputs[0]).placement;
      return {};
    }
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      const int stage = builder_.stage;
      builder_.stage = value(op.inputs[i]).stage;
      TUTTI_TRY(bring(op.inputs[i], at_rest(op.inputs[i])));
      builder_.stage = stage;
      value(op.outputs[i]).placement = value(op.inputs[i]).placement;
    }
    return {};
  }

  Graph& graph_;
  const PassContext& context_;
  const Plan& plan_;
  GraphBuilder builder_;
  int body_ = 0;
  std::map<std::string, ValueId> brought_;
  std::set<ValueId> settled_;  // accumulators
};

}  // namespace

Status place(Graph& graph, const PassContext& context) { return Placer(graph, context).run(); }

}  // namespace tutti
