// ZeRO: parameters, gradients and optimizer state at rest are cut over the zero axes.
//
// Parameters of one block and stage that lie alike and decay alike form a bucket: one flat value,
// the local parts one after the other, each padded to a chunk, cut in equal ranges at rest. A body
// that reads a parameter reads a view of the bucket; its gradients are packed and accumulated as one
// value. The gather before the views and the reduce_scatter behind the packs follow in `place`, from
// nothing but the placements.
#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "ir/builder.h"
#include "partition/pass.h"

namespace tutti {
namespace {

struct Member {
  ValueId parameter;
  ValueId accumulator;
  size_t update = 0;  // index of its adamw op
  int64_t offset = 0;
};

struct Bucket {
  std::string name;
  std::vector<Member> members;
  int stage = kEveryStage;
  int block = -1;
  ValueId parameter, m, v, accumulator;
  int64_t local_elements = 0;
  Placement placement;  // at rest
};

int64_t round_up(int64_t size, int64_t multiple) { return (size + multiple - 1) / multiple * multiple; }

class AtRest {
 public:
  AtRest(Graph& graph, const PassContext& context)
      : graph_(graph), plan_(context.plan), builder_(graph, context.ops) {}

  Status run() {
    find_buckets();
    for (Bucket& bucket : buckets_) declare(bucket);
    rewrite();
    return builder_.status();
  }

 private:
  using Key = std::tuple<int, int, std::string, double, std::string>;

  int block_of(ValueId parameter) const {
    for (const Op& op : graph_.ops) {
      const auto& in = op.inputs;
      if (op.region == Region::kBody && std::find(in.begin(), in.end(), parameter) != in.end()) {
        return op.block;
      }
    }
    return -1;
  }

  void find_buckets() {
    std::map<Key, size_t> by_key;
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      const Op& op = graph_.ops[i];
      if (op.kind != OpKind::kAdamW) continue;
      const Value& parameter = graph_.value(op.inputs[0]);
      const Placement placement = placement_by_rules(plan_, parameter.type.dims);
      // The gradient of a parameter that lives on several stages is summed by itself first.
      const bool alone = graph_.value(op.inputs[3]).role != Role::kAccumulator;
      const int block = block_of(op.inputs[0]);
      const Key key{parameter.stage, block, to_string(shard_axes(placement)),
                    op.attributes.get_double("weight_decay"), alone ? parameter.name : ""};
      const auto [at, added] = by_key.emplace(key, buckets_.size());
      if (added) {
        buckets_.emplace_back();
        buckets_.back().name = fmt::format("bucket.{}", parameter.name);
        buckets_.back().stage = parameter.stage;
        buckets_.back().block = block;
      }
      add_member(buckets_[at->second], op, i);
    }
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

  void add_member(Bucket& bucket, const Op& update, size_t index) {
    Value placed = graph_.value(update.inputs[0]);
    placed.placement = placement_by_rules(plan_, placed.type.dims);
    int64_t elements = 1;
    for (int64_t size : local_sizes(placed)) elements *= size;
    bucket.members.push_back(
        {update.inputs[0], accumulator_of(update.inputs[3]), index, bucket.local_elements});
    bucket.local_elements += round_up(elements, plan_.bucket_chunk);
    bucket.placement.dims = {shard_axes(placed.placement)};
  }

  ValueId declare_like(const Bucket& bucket, Role role, const std::string& suffix, int64_t elements) {
    builder_.stage = bucket.stage;
    const ValueId id =
        builder_.declare(role, bucket.name + suffix, DType::kF32, {{"elements", elements}});
    graph_.value(id).placement = bucket.placement;
    return id;
  }

  void declare(Bucket& bucket) {
    const AxisList zero = zero_axes(plan_);
    const int64_t parts = group_size(zero);
    bucket.local_elements = round_up(bucket.local_elements, plan_.bucket_chunk * parts);
    const int64_t elements = bucket.local_elements * group_size(bucket.placement.dims[0]);
    AxisList& cut = bucket.placement.dims[0];
    cut.insert(cut.end(), zero.begin(), zero.end());
    bucket.parameter = declare_like(bucket, Role::kParameter, "", elements);
    bucket.accumulator = declare_like(bucket, Role::kAccumulator, ".acc", elements);
    bucket.m = declare_like(bucket, Role::kState, ".m", elements);
    bucket.v = declare_like(bucket, Role::kState, ".v", elements);
    for (const Member& member : bucket.members) {
      bucket_of_[member.parameter] = bucket_of_[member.accumulator] = &bucket;
      member_of_[member.parameter] = member_of_[member.accumulator] = &member;
      for (ValueId id : {member.parameter, member.accumulator, graph_.ops[member.update].inputs[1],
                         graph_.ops[member.update].inputs[2]}) {
        retired_.push_back(id);
      }
    }
  }

  void scope(const Op& op) {
    builder_.region = op.region;
    builder_.phase = op.phase;
    builder_.block = op.block;
    builder_.stage = op.stage;
  }

  void rewrite() {
    std::vector<Op> old = std::move(graph_.ops);
    graph_.ops.clear();
    for (const Op& op : old) {
      const bool gradient = op.kind == OpKind::kAccumulate && bucket_of_.contains(op.inputs[0]);
      if (gradient) ++uses_left_[bucket_of_[op.inputs[0]]];
    }
    for (Op& op : old) {
      if (op.kind == OpKind::kAdamW) {
        update(op);
      } else if (op.kind == OpKind::kAccumulate && bucket_of_.contains(op.inputs[0])) {
        pack(op);
      } else {
        read(op);
        graph_.ops.push_back(std::move(op));
      }
    }
    for (ValueId id : retired_) graph_.value(id).role = Role::kTemporary;
  }

  // Replaces parameters by views of their buckets, one for each body that reads them; and totals of
  // gradients by those of the bucket.
  void read(Op& op) {
    for (ValueId& id : op.inputs) {
      const auto found = bucket_of_.find(id);
      if (found == bucket_of_.end()) continue;
      id = op.region == Region::kBody ? view(*found->second, *member_of_[id], op)
                                      : found->second->accumulator;
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
      }
    }
  }

  ValueId view(const Bucket& bucket, const Member& member, const Op& reader) {
    const std::pair<int32_t, int> key{member.parameter.index, body_index(reader, plan_)};
    if (const auto found = views_.find(key); found != views_.end()) return found->second;
    scope(reader);
    const Value parameter = graph_.value(member.parameter);
    std::vector<std::string> names, sizes;
    for (const Dim& dim : parameter.type.dims) {
      names.push_back(dim.name);
      sizes.push_back(fmt::format("{}", dim.size));
    }
    const ValueId id = builder_.emit(OpKind::kBucketView, {bucket.parameter},
                                     {{"dims", names}, {"sizes", sizes}, {"offset", member.offset}},
                                     parameter.name + ".view");
    return views_[key] = id;
  }

  // The gradients of a bucket's members are collected; the last of them packs and accumulates.
  void pack(const Op& op) {
    const Bucket& bucket = *bucket_of_[op.inputs[0]];
    auto& parts = parts_[&bucket];
    scope(op);
    const Member* member = member_of_[op.inputs[0]];
    const auto same = std::find_if(parts.begin(), parts.end(),
                                   [&](const auto& part) { return part.first == member; });
    if (same == parts.end()) {
      parts.push_back({member, op.inputs[1]});
    } else {
      same->second = builder_.emit(OpKind::kAdd, {same->second, op.inputs[1]}, {},
                                   graph_.value(op.inputs[1]).name + ".both");
    }
    if (--uses_left_[&bucket] > 0) return;
    std::sort(parts.begin(), parts.end(),
              [](const auto& a, const auto& b) { return a.first->offset < b.first->offset; });
    std::vector<ValueId> grads;
    std::vector<std::string> offsets;
    for (const auto& [part, grad] : parts) {
      grads.push_back(grad);
      offsets.push_back(fmt::format("{}", part->offset));
    }
    const ValueId packed =
        builder_.emit(OpKind::kBucketPack, grads,
                      {{"elements", element_count(graph_.value(bucket.parameter).type.dims)},
                       {"offsets", offsets}},
                      bucket.name + ".grad");
    builder_.emit_update(OpKind::kAccumulate, bucket.accumulator, {bucket.accumulator, packed}, {});
  }

  // The first member's update becomes the bucket's; the others go.
  void update(const Op& op) {
    const Bucket& bucket = *bucket_of_[op.inputs[0]];
    if (bucket.members[0].parameter != op.inputs[0]) return;
    Op next = op;
    const ValueId total = op.inputs[3];
    next.inputs[0] = bucket.parameter;
    next.inputs[1] = bucket.m;
    next.inputs[2] = bucket.v;
    next.inputs[3] = graph_.value(total).role == Role::kAccumulator ? bucket.accumulator : total;
    for (size_t k = 0; k < 3; ++k) {
      Value& output = graph_.value(next.outputs[k]);
      output.name = builder_.unique_name(graph_.value(next.inputs[k]).name + ".next");
      output.type = graph_.value(next.inputs[k]).type;
      output.placement = graph_.value(next.inputs[k]).placement;
      output.updates = next.inputs[k];
    }
    graph_.ops.push_back(std::move(next));
  }

  Graph& graph_;
  const Plan& plan_;
  GraphBuilder builder_;
  std::vector<Bucket> buckets_;
  std::unordered_map<ValueId, const Bucket*> bucket_of_;
  std::unordered_map<ValueId, const Member*> member_of_;
  std::map<std::pair<int32_t, int>, ValueId> views_;
  std::map<const Bucket*, std::vector<std::pair<const Member*, ValueId>>> parts_;
  std::map<const Bucket*, int> uses_left_;  // gradients that the bucket still waits for
  std::vector<ValueId> retired_;
};

}  // namespace

Status shard_at_rest(Graph& graph, const PassContext& context) {
  if (context.plan.zero == 0) return {};
  return AtRest(graph, context).run();
}

}  // namespace tutti
