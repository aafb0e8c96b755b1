// How parameters, gradients and optimizer state lie at rest, where more than one rank has them.
//
// Parameters of one block and stage that lie alike form a bucket: one flat value, the local parts
// one after the other, each padded to a chunk. A body that reads a parameter reads a view of the
// bucket. The ZeRO stage says what is cut into equal ranges over the zero axes: from 1 the
// optimizer's state, from 2 the gradients, from 3 the parameters.
//
//   gradients whole:  members accumulate over the microbatches in places of their own within the
//                     bucket; behind the last of them the bucket is settled: one reduction.
//   gradients cut:    each microbatch packs its gradients and adds its own range of their sum.
//   parameters whole: the optimizer updates the rank's own range, and a gather settles the rest.
//
// The collectives follow in `place`, from nothing but the placements.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "ir/builder.h"
#include "partition/pass.h"

namespace tutti {
namespace {

struct Member {
  ValueId parameter;
  ValueId accumulator;  // while training
  int64_t offset = 0;   // in the bucket on one rank
  int64_t elements = 0;
  double decay = 0;
};

struct Bucket {
  std::string name;
  std::vector<Member> members;
  int stage = kEveryStage;
  DType dtype = DType::kF32;
  AxisList content;  // the axes that cut what its members hold
  int64_t local_elements = 0;
  ValueId parameter, m, v, accumulator;
  ValueId total;                                       // the settled gradient
  int uses_left = 0;                                   // gradients that it still waits for
  std::vector<std::pair<int64_t, ValueId>> gradients;  // by offset
};

int64_t round_up(int64_t size, int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

Placement flat(AxisList axes) {
  Placement placement;
  placement.dims = {std::move(axes)};
  return placement;
}

AxisList joined(AxisList first, const AxisList& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

class AtRest {
 public:
  AtRest(Graph& graph, const PassContext& context)
      : graph_(graph),
        plan_(context.plan),
        builder_(graph, context.ops),
        zero_(context.plan.zero > 0 ? zero_axes(context.plan) : AxisList()) {}

  Status run() {
    find_buckets();
    for (Bucket& bucket : buckets_) declare(bucket);
    rewrite();
    return builder_.status();
  }

 private:
  using Key = std::tuple<int, int, std::string, DType, std::string>;

  bool cuts_parameters() const { return plan_.zero >= 3; }
  bool cuts_state() const { return plan_.zero >= 1; }
  bool cuts_gradients() const { return !zero_.empty() && reduces_each_microbatch(plan_); }

  // The block of the first op that reads each parameter.
  std::unordered_map<ValueId, int> blocks() const {
    std::unordered_map<ValueId, int> found;
    for (const Op& op : graph_.ops) {
      if (op.region != Region::kBody) continue;
      for (ValueId id : op.inputs) {
        if (graph_.value(id).role == Role::kParameter) found.emplace(id, op.block);
      }
    }
    return found;
  }

  // The optimizer's op of each parameter; none in an evaluation.
  std::unordered_map<ValueId, const Op*> updates() const {
    std::unordered_map<ValueId, const Op*> found;
    for (const Op& op : graph_.ops) {
      if (op.kind == OpKind::kAdamW) found.emplace(op.inputs[0], &op);
    }
    return found;
  }

  // Names of parameters that several stages have.
  std::set<std::string_view> replicated() const {
    std::set<std::string_view> names;
    for (const Value& value : graph_.values) {
      if (value.role == Role::kParameter && is_at_stage(value.name)) {
        names.insert(without_stage(value.name));
      }
    }
    return names;
  }

  void find_buckets() {
    const std::set<std::string_view> several = replicated();
    const auto block_of = blocks();
    const auto update_of = updates();
    std::map<Key, size_t> by_key;
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      const ValueId id(static_cast<int64_t>(i));
      const auto block = block_of.find(id);
      if (block == block_of.end()) continue;
      const auto update = update_of.find(id);
      const Op* op = update == update_of.end() ? nullptr : update->second;
      const Value& parameter = graph_.value(id);
      // The gradient of a parameter that lives on several stages is summed by itself first. So it
      // is alone in an evaluation, too, whose buckets are those of the training step.
      const bool alone = several.contains(without_stage(parameter.name));
      const AxisList content = shard_axes(placement_by_rules(plan_, parameter.type.dims));
      const Key key{parameter.stage, block->second, to_string(content), parameter.type.dtype,
                    alone ? parameter.name : ""};
      const auto [at, added] = by_key.emplace(key, buckets_.size());
      if (added) {
        buckets_.emplace_back();
        buckets_.back().name = fmt::format("bucket.{}", parameter.name);
        buckets_.back().stage = parameter.stage;
        buckets_.back().dtype = parameter.type.dtype;
        buckets_.back().content = content;
      }
      add_member(buckets_[at->second], id, op);
    }
  }

  void add_member(Bucket& bucket, ValueId parameter, const Op* update) {
    Value placed = graph_.value(parameter);
    placed.placement = placement_by_rules(plan_, placed.type.dims);
    const int64_t elements = local_elements(placed);
    Member member{parameter, {}, bucket.local_elements, elements, 0};
    if (update != nullptr) {
      member.accumulator = accumulator_of(update->inputs[3]);
      member.decay = update->attributes.get_double("weight_decay");
      retired_.insert(retired_.end(), {update->inputs[1], update->inputs[2]});
    }
    bucket.local_elements += round_up(elements, plan_.bucket_chunk);
    bucket.members.push_back(member);
  }

  ValueId accumulator_of(ValueId total) const {
    if (graph_.value(total).role == Role::kAccumulator) return total;
    for (const Op& op : graph_.ops) {
      const auto at = std::find(op.outputs.begin(), op.outputs.end(), total);
      if (op.kind == OpKind::kReplicaSum && at != op.outputs.end()) {
        return op.inputs[static_cast<size_t>(at - op.outputs.begin())];
      }
    }
    TUTTI_CHECK(false, "%{} is not a gradient", graph_.value(total).name);
  }

  ValueId declare_like(const Bucket& bucket, Role role, const std::string& suffix, bool cut) {
    builder_.stage = bucket.stage;
    const int64_t elements = bucket.local_elements * group_size(bucket.content);
    const ValueId id =
        builder_.declare(role, bucket.name + suffix, bucket.dtype, {{"elements", elements}});
    graph_.value(id).placement = flat(cut ? joined(bucket.content, zero_) : bucket.content);
    return id;
  }

  void declare(Bucket& bucket) {
    bucket.local_elements = round_up(bucket.local_elements, plan_.bucket_chunk * group_size(zero_));
    bucket.parameter = declare_like(bucket, Role::kParameter, "", cuts_parameters());
    if (bucket.members[0].accumulator.valid()) {
      bucket.accumulator = declare_like(bucket, Role::kAccumulator, ".acc", cuts_gradients());
      bucket.m = declare_like(bucket, Role::kState, ".m", cuts_state());
      bucket.v = declare_like(bucket, Role::kState, ".v", cuts_state());
    }
    for (const Member& member : bucket.members) {
      for (ValueId id : {member.parameter, member.accumulator}) {
        bucket_of_[id] = &bucket;
        member_of_[id] = &member;
      }
      retired_.push_back(member.parameter);
      if (cuts_gradients() && member.accumulator.valid()) retired_.push_back(member.accumulator);
    }
  }

  void rewrite() {
    std::vector<Op> old = std::move(graph_.ops);
    graph_.ops.clear();
    for (const Op& op : old) {
      if (is_gradient(op)) ++bucket_of_[op.inputs[0]]->uses_left;
    }
    for (Op& op : old) {
      if (op.kind == OpKind::kAdamW) {
        update(op);
      } else if (is_gradient(op)) {
        collect(op);
      } else {
        read(op);
        graph_.ops.push_back(std::move(op));
      }
    }
    for (ValueId id : retired_) graph_.value(id).role = Role::kTemporary;
  }

  bool is_gradient(const Op& op) const {
    return op.kind == OpKind::kAccumulate && bucket_of_.contains(op.inputs[0]);
  }

  // Replaces parameters by views of their buckets, one for each body that reads them; and totals of
  // gradients by those of the bucket.
  void read(Op& op) {
    std::vector<ValueId> accumulators;
    for (ValueId& id : op.inputs) {
      const auto found = bucket_of_.find(id);
      if (found == bucket_of_.end()) continue;
      accumulators.push_back(found->second->accumulator);
      id = op.region == Region::kBody ? view(*found->second, *member_of_[id], op)
                                      : found->second->total;
    }
    // sum_squares and replica_sum then name a bucket once.
    if (op.region == Region::kEpilogue && op.kind == OpKind::kSumSquares) {
      std::vector<ValueId> once;
      for (ValueId id : op.inputs) {
        if (std::find(once.begin(), once.end(), id) == once.end()) once.push_back(id);
      }
      op.inputs = once;
    }
    if (op.kind == OpKind::kReplicaSum) {
      for (size_t k = 0; k < op.outputs.size(); ++k) {
        Value& total = graph_.value(op.outputs[k]);
        total.type = graph_.value(op.inputs[k]).type;
        total.placement = graph_.value(op.inputs[k]).placement;
        total.updates = accumulators[k];
      }
    }
  }

  ValueId view(const Bucket& bucket, const Member& member, const Op& reader) {
    const std::pair<int32_t, int> key{member.parameter.index, body_index(reader, plan_)};
    if (const auto found = views_.find(key); found != views_.end()) return found->second;
    builder_.scope_of(reader);
    const Value parameter = graph_.value(member.parameter);
    std::vector<std::string> names, sizes;
    for (const Dim& dim : parameter.type.dims) {
      names.push_back(dim.name);
      sizes.push_back(fmt::format("{}", dim.size));
    }
    const ValueId id = builder_.emit(
        OpKind::kBucketView, {bucket.parameter},
        {{"dims", names}, {"sizes", sizes}, {"offset", member.offset}, {"of", parameter.name}},
        parameter.name + ".view");
    return views_[key] = id;
  }

  // One member's gradient. Behind the last of a bucket they are packed and the bucket is settled.
  void collect(const Op& op) {
    Bucket& bucket = *bucket_of_[op.inputs[0]];
    builder_.scope_of(op);
    if (cuts_gradients()) {
      add(bucket, member_of_[op.inputs[0]]->offset, op.inputs[1]);
    } else {
      graph_.ops.push_back(op);
      replace(bucket, member_of_[op.inputs[0]]->offset, op.outputs[0]);
    }
    if (--bucket.uses_left > 0) return;
    std::sort(bucket.gradients.begin(), bucket.gradients.end());
    if (cuts_gradients()) {
      const ValueId packed = pack(bucket);
      const ValueId sum = builder_.emit_update(OpKind::kAccumulate, bucket.accumulator,
                                               {bucket.accumulator, packed}, {});
      builder_.when = When::kLast;
      settle_gradient(bucket, sum);
    } else {
      builder_.when = When::kLast;
      const ValueId packed = pack(bucket);
      graph_.value(packed).updates = bucket.accumulator;
      settle_gradient(bucket, packed);
    }
  }

  // The sum of what one microbatch gives, where a parameter is used twice.
  void add(Bucket& bucket, int64_t offset, ValueId gradient) {
    const auto same = std::find_if(bucket.gradients.begin(), bucket.gradients.end(),
                                   [&](const auto& part) { return part.first == offset; });
    if (same == bucket.gradients.end()) {
      bucket.gradients.push_back({offset, gradient});
    } else {
      same->second = builder_.emit(OpKind::kAdd, {same->second, gradient}, {},
                                   graph_.value(gradient).name + ".both");
    }
  }

  // The accumulator's latest value.
  static void replace(Bucket& bucket, int64_t offset, ValueId accumulated) {
    std::erase_if(bucket.gradients, [&](const auto& part) { return part.first == offset; });
    bucket.gradients.push_back({offset, accumulated});
  }

  ValueId pack(const Bucket& bucket) {
    std::vector<ValueId> parts;
    std::vector<std::string> offsets;
    for (const auto& [offset, gradient] : bucket.gradients) {
      parts.push_back(gradient);
      offsets.push_back(fmt::format("{}", offset));
    }
    return builder_.emit(OpKind::kBucketPack, parts,
                         {{"elements", element_count(graph_.value(bucket.parameter).type.dims)},
                          {"offsets", offsets}},
                         bucket.name + ".grad");
  }

  void settle_gradient(Bucket& bucket, ValueId sum) {
    bucket.total = builder_.emit(OpKind::kSettle, {sum}, {}, bucket.name + ".total");
    graph_.value(bucket.total).placement = graph_.value(bucket.m).placement;
  }

  // The first member's update becomes the bucket's; the others go.
  void update(const Op& op) {
    const Bucket& bucket = *bucket_of_[op.inputs[0]];
    if (bucket.members[0].parameter != op.inputs[0]) return;
    builder_.scope_of(op);
    Op next = op;
    const ValueId total = op.inputs[3];
    next.inputs[0] = own_range(bucket);
    next.inputs[1] = bucket.m;
    next.inputs[2] = bucket.v;
    next.inputs[3] = graph_.value(total).role == Role::kAccumulator ? bucket.total : total;
    set_decay(bucket, next.attributes);
    const ValueId storages[] = {bucket.parameter, bucket.m, bucket.v};
    for (size_t k = 0; k < 3; ++k) {
      Value& output = graph_.value(next.outputs[k]);
      output.name = builder_.unique_name(graph_.value(storages[k]).name + ".next");
      output.type = graph_.value(storages[k]).type;
      output.placement = graph_.value(next.inputs[k]).placement;
      output.updates = storages[k];
    }
    const ValueId updated = next.outputs[0];
    graph_.ops.push_back(std::move(next));
    if (!gathers_after_update()) return;
    const ValueId whole = builder_.emit(OpKind::kSettle, {updated}, {}, bucket.name + ".whole");
    graph_.value(whole).placement = graph_.value(bucket.parameter).placement;
    graph_.value(whole).updates = bucket.parameter;
  }

  // Ranges of a rank's bucket that the weight decay applies to, where it does not to all.
  void set_decay(const Bucket& bucket, Attributes& attributes) const {
    std::vector<std::string> begins, ends;
    double decay = 0;
    for (const Member& member : bucket.members) {
      if (member.decay == 0) continue;
      decay = member.decay;
      begins.push_back(fmt::format("{}", member.offset));
      ends.push_back(fmt::format("{}", member.offset + member.elements));
    }
    attributes.set("weight_decay", decay);
    if (decay == 0 || begins.size() == bucket.members.size()) return;
    attributes.set("decay_begins", begins);
    attributes.set("decay_ends", ends);
    attributes.set("bucket_elements", bucket.local_elements);
  }

  bool gathers_after_update() const { return cuts_state() && !cuts_parameters(); }

  // What this rank updates of the parameters.
  ValueId own_range(const Bucket& bucket) {
    if (!gathers_after_update()) return bucket.parameter;
    const ValueId own =
        builder_.emit(OpKind::kSettle, {bucket.parameter}, {}, bucket.name + ".own");
    graph_.value(own).placement = graph_.value(bucket.m).placement;
    return own;
  }

  Graph& graph_;
  const Plan& plan_;
  GraphBuilder builder_;
  AxisList zero_;
  std::vector<Bucket> buckets_;
  std::unordered_map<ValueId, Bucket*> bucket_of_;
  std::unordered_map<ValueId, const Member*> member_of_;
  std::map<std::pair<int32_t, int>, ValueId> views_;
  std::vector<ValueId> retired_;
};

// Whether ranks of one stage share anything.
bool is_distributed(const Plan& plan) { return plan.mesh.world_size() > plan.mesh.size(Axis::kPp); }

}  // namespace

Status at_rest(Graph& graph, const PassContext& context) {
  if (!is_distributed(context.plan)) return {};
  return AtRest(graph, context).run();
}

}  // namespace tutti
