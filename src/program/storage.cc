#include "program/storage.h"

#include <algorithm>
#include <charconv>

namespace tutti {
namespace {

size_t position(ValueId id) { return static_cast<size_t>(id.index); }

int64_t parse_integer(const std::string& text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

class StorageSharer {
 public:
  StorageSharer(const Graph& graph, const OpTable& ops, const StageOps& stage)
      : graph_(graph), ops_(ops), stage_(stage) {
    map_.of.resize(graph.values.size());
    map_.lives.resize(graph.values.size());
    for (size_t i = 0; i < graph.values.size(); ++i) {
      map_.of[i].root = ValueId(static_cast<int64_t>(i));
    }
  }

  StorageMap run() {
    for (const StageBody& body : stage_.bodies) {
      for (const Op& op : body.ops) share_by_kind(op);
    }
    measure_lives();
    for (int b = 0; b < bodies(); ++b) {
      const std::vector<Op>& ops = stage_.bodies[b].ops;
      for (size_t i = 0; i < ops.size(); ++i) share_in_place(ops[i], b, static_cast<int>(i));
    }
    return std::move(map_);
  }

 private:
  int bodies() const { return static_cast<int>(stage_.bodies.size()); }
  bool runs_once(int body) const { return body == 0 || body + 1 == bodies(); }
  bool same_step_region(int a, int b) const { return a == b || (!runs_once(a) && !runs_once(b)); }

  const Storage& storage(ValueId id) const { return map_.of[position(id)]; }
  RootLife& life(ValueId id) { return map_.lives[position(storage(id).root)]; }

  void attach(ValueId id, ValueId to, int64_t offset, AxisList part) {
    Storage& entry = map_.of[position(id)];
    entry.root = storage(to).root;
    entry.offset = storage(to).offset + offset;
    entry.part = storage(to).part;
    entry.part_bytes = storage(to).part_bytes;
    if (part.empty()) return;
    entry.part.insert(entry.part.end(), part.begin(), part.end());
    entry.part_bytes = local_bytes(graph_.value(entry.root)) / group_size(entry.part);
  }

  // The axes that cut a flat value further than the one whose storage it is in.
  AxisList part_of(ValueId id, ValueId whole) const {
    const Placement &own = graph_.value(id).placement, &all = graph_.value(whole).placement;
    if (own.dims.size() != 1 || all.dims.size() != 1) return {};
    const size_t common = all.dims[0].size();
    TUTTI_CHECK(own.dims[0].size() >= common, "%{} is not a part of %{}", graph_.value(id).name,
                graph_.value(whole).name);
    return {own.dims[0].begin() + static_cast<int64_t>(common), own.dims[0].end()};
  }

  void share_by_kind(const Op& op) {
    const DType dtype = graph_.value(op.outputs[0]).type.dtype;
    for (ValueId id : op.outputs) {
      const ValueId updated = graph_.value(id).updates;
      if (!updated.valid()) continue;
      const bool piece = op.kind == OpKind::kStore;
      attach(id, updated, piece ? offset_bytes(op.attributes, dtype) : 0,
             piece ? AxisList() : part_of(id, updated));
    }
    if (ops_[op.kind].view) {
      attach(op.outputs[0], op.inputs[0], offset_bytes(op.attributes, dtype), {});
    }
    if (op.kind == OpKind::kSlice && is_persistent(graph_.value(op.inputs[0]).role) &&
        graph_.value(op.inputs[0]).type.dims.size() == 1) {
      attach(op.outputs[0], op.inputs[0], 0, part_of(op.outputs[0], op.inputs[0]));
    }
    if (op.kind == OpKind::kBucketPack) pack(op, static_cast<int64_t>(dtype_bytes(dtype)));
  }

  // A part that has storage of its own is written where the bucket will be; an accumulator of the
  // part has its place there for good, where the bucket lasts too.
  void pack(const Op& op, int64_t element) {
    const auto& offsets = op.attributes.get_names("offsets");
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      const ValueId root = storage(op.inputs[i]).root;
      const bool temporary = root == op.inputs[i] && graph_.value(root).role == Role::kTemporary;
      const bool accumulator = graph_.value(root).role == Role::kAccumulator &&
                               graph_.value(storage(op.outputs[0]).root).role == Role::kAccumulator;
      const bool whole = local_bytes(graph_.value(root)) == local_bytes(graph_.value(op.inputs[i]));
      if ((temporary || accumulator) && whole && root != storage(op.outputs[0]).root) {
        attach_tree(root, op.outputs[0], parse_integer(offsets[i]) * element);
      }
    }
  }

  // Moves a root and everything that is attached to it.
  void attach_tree(ValueId root, ValueId to, int64_t offset) {
    const Storage target = storage(to);
    TUTTI_CHECK(target.part.empty(), "%{} is part of a part", graph_.value(root).name);
    for (Storage& entry : map_.of) {
      if (entry.root != root) continue;
      entry.root = target.root;
      entry.offset += target.offset + offset;
    }
  }

  void touch(ValueId id, LifePoint point, int index) {
    map_.of[position(id)].used = true;
    const ValueId root = storage(id).root;
    int& last_use = last_use_[position(root)][static_cast<size_t>(point.body)];
    if (point.step == 1) last_use = std::max(last_use, index);
    RootLife& l = map_.lives[position(root)];
    if (!map_.of[position(root)].used || !seen_[position(root)]) {
      seen_[position(root)] = true;
      map_.of[position(root)].used = true;
      l.born = l.dies = point;
      l.first = l.last = index;
      return;
    }
    if (!same_step_region(l.born.body, point.body)) l.kept = true;
    if (point < l.born) l.born = point;
    if (l.dies < point) l.dies = point;
    l.first = std::min(l.first, index);
    l.last = std::max(l.last, index);
  }

  void measure_lives() {
    seen_.assign(graph_.values.size(), false);
    stored_.assign(graph_.values.size(), false);
    last_use_.assign(graph_.values.size(), std::vector<int>(stage_.bodies.size(), -1));
    for (int b = 0; b < bodies(); ++b) {
      const std::vector<Op>& ops = stage_.bodies[b].ops;
      for (size_t i = 0; i < ops.size(); ++i) {
        for (ValueId id : ops[i].inputs) touch(id, {b, 1}, static_cast<int>(i));
        if (ops[i].kind == OpKind::kStore) stored_[position(storage(ops[i].inputs[0]).root)] = true;
        for (ValueId id : ops[i].outputs) touch(id, {b, 1}, static_cast<int>(i));
      }
    }
    for (const Transfer& transfer : stage_.transfers) {
      if (transfer.sends) touch(transfer.source, {transfer.body, 2}, 0);
      if (!transfer.sends) touch(transfer.target, {transfer.body, 0}, 0);
      if (transfer.local) touch(transfer.target, {transfer.body, 2}, 0);
    }
    for (ValueId id : graph_.outputs) {
      if (map_.of[position(id)].used) life(id).kept = true;
    }
  }

  // Whether `input` is read for the last time by instruction `index` of `body`, and its storage is
  // wholly its own.
  bool dies_here(ValueId input, int body, int index, int64_t bytes) {
    const Storage& s = storage(input);
    const Value& root = graph_.value(s.root);
    if (s.offset != 0 || local_bytes(root) != bytes || stored_[position(s.root)]) return false;
    const RootLife& l = map_.lives[position(s.root)];
    if (l.dies != LifePoint{body, 1}) return false;
    // One that nothing on this stage adds to is zero, and stays so.
    const bool accumulator =
        root.role == Role::kAccumulator && body + 1 == bodies() && l.born.body != body;
    if (root.role != Role::kTemporary && !accumulator) return false;
    if (l.kept && !accumulator) return false;
    return last_use_[position(s.root)][static_cast<size_t>(body)] == index;
  }

  void share_in_place(const Op& op, int body, int index) {
    const uint32_t allowed = ops_[op.kind].in_place;
    if (allowed == 0) return;
    std::vector<ValueId> taken;
    for (ValueId output : op.outputs) {
      const Value& value = graph_.value(output);
      const RootLife own = map_.lives[position(output)];
      const bool plain = storage(output).root == output && value.role == Role::kTemporary &&
                         own.born.body == own.dies.body && own.dies.step == 1 && !own.kept;
      if (!plain) continue;
      for (size_t j = 0; j < op.inputs.size(); ++j) {
        const ValueId input = op.inputs[j];
        const ValueId root = storage(input).root;
        const bool fits = (allowed >> std::min<size_t>(j, 31) & 1u) &&
                          graph_.value(input).type.dtype == value.type.dtype &&
                          dies_here(input, body, index, local_bytes(value)) &&
                          std::find(taken.begin(), taken.end(), root) == taken.end();
        if (!fits) continue;
        RootLife& l = map_.lives[position(root)];
        l.last = std::max(l.last, own.last);
        int& last_use = last_use_[position(root)][static_cast<size_t>(body)];
        last_use = std::max(last_use, last_use_[position(output)][static_cast<size_t>(body)]);
        if (stored_[position(output)]) stored_[position(root)] = true;
        attach_tree(output, input, 0);
        taken.push_back(root);
        break;
      }
    }
  }

  const Graph& graph_;
  const OpTable& ops_;
  const StageOps& stage_;
  StorageMap map_;
  std::vector<bool> seen_;
  std::vector<bool> stored_;                // by root: a store reads it, beside the ops that follow
  std::vector<std::vector<int>> last_use_;  // by root and body: its last instruction
};

}  // namespace

StorageMap share_storage(const Graph& graph, const OpTable& ops, const StageOps& stage) {
  return StorageSharer(graph, ops, stage).run();
}

}  // namespace tutti
