// Keeps outside of the device's memory what plan.offload names, and fetches it when it is read.
//
//   parameters, state:  marked as offloaded. Each block of a body that reads one fetches it; the
//                       optimizer goes through them in pieces: fetch, update, store.
//   activations:        what a body makes and a later one reads is stored behind the op that makes
//                       it, and each block that reads it then fetches it.
//
// A fetch stands just before its first reader; `overlap` starts it earlier. In the epilogue the
// number of a piece takes the place of a block, so that prefetch counts pieces there.
#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "ir/builder.h"
#include "partition/pass.h"

namespace tutti {
namespace {

constexpr size_t kUpdated = 3;  // inputs of adamw that it updates: p, m, v; the gradient follows

struct Piece {
  int64_t begin = 0, size = 0;  // elements of a rank's part
};

class Offloader {
 public:
  Offloader(Graph& graph, const PassContext& context)
      : graph_(graph),
        ops_(context.ops),
        plan_(context.plan),
        offload_(context.plan.offload),
        builder_(graph, context.ops) {}

  Status run() {
    mark();
    if (offload_.activations) find_stash();
    std::vector<Op> old = std::move(graph_.ops);
    graph_.ops.clear();
    // What one body stores is there before another one's fetches are started early.
    std::stable_sort(old.begin(), old.end(), [&](const Op& a, const Op& b) {
      return std::pair(a.region, body_index(a, plan_)) < std::pair(b.region, body_index(b, plan_));
    });
    for (Op& op : old) {
      for (ValueId& id : op.inputs) {
        if (const auto stored = behind_.find(id); stored != behind_.end()) id = stored->second;
      }
      if (op.kind == OpKind::kAdamW && op.region == Region::kEpilogue) {
        update(op);
      } else {
        rewrite(std::move(op));
      }
    }
    return builder_.status();
  }

 private:
  // A value, the body and the block that read it, and when.
  using Key = std::tuple<int32_t, int, int, When>;

  void mark() {
    for (Value& value : graph_.values) {
      const bool wanted = (offload_.parameters && value.role == Role::kParameter) ||
                          (offload_.optimizer && value.role == Role::kState);
      value.offloaded = wanted && local_bytes(value) >= offload_.least_bytes;
    }
  }

  // The value whose storage a view shows; itself where it is none.
  ValueId viewed(ValueId id, const std::vector<OpId>& made_by) const {
    for (;;) {
      const OpId made = made_by[static_cast<size_t>(id.index)];
      if (!made.valid() || !ops_[graph_.op(made).kind].view) return id;
      id = graph_.op(made).inputs[0];
    }
  }

  bool may_go(const Value& value, const Op& maker) const {
    const bool shared = std::any_of(maker.outputs.begin(), maker.outputs.end(),
                                    [&](ValueId id) { return graph_.value(id).updates.valid(); });
    // Parameters that were gathered are kept for being in memory.
    const bool parameter =
        maker.kind == OpKind::kAllGather && graph_.value(maker.inputs[0]).role == Role::kParameter;
    return value.role == Role::kTemporary && !shared && !parameter && maker.when == When::kEach &&
           maker.region == Region::kBody && local_bytes(value) >= offload_.least_bytes;
  }

  // What a body makes and another one reads, itself or a view of it.
  void find_stash() {
    const std::vector<OpId> made_by = producers(graph_);
    for (const Op& reader : graph_.ops) {
      if (reader.region != Region::kBody) continue;
      for (ValueId id : reader.inputs) {
        const ValueId root = viewed(id, made_by);
        const OpId made = made_by[static_cast<size_t>(root.index)];
        if (!made.valid()) continue;
        const Op& maker = graph_.op(made);
        const int body = body_index(maker, plan_);
        if (!may_go(graph_.value(root), maker) || body == body_index(reader, plan_)) continue;
        stash_[root] = {body, {}};
      }
    }
    for (const Op& op : graph_.ops) {
      if (op.region != Region::kBody) continue;
      if (ops_[op.kind].view) views_.emplace(op.outputs[0], op);
      note_receiver(op);
    }
  }

  // A value that was received is stored in the block that first reads it.
  void note_receiver(const Op& op) {
    for (ValueId id : op.inputs) {
      const auto found = stash_.find(id);
      if (found == stash_.end() || body_index(op, plan_) != found->second.body) continue;
      first_block_.try_emplace(id, op.block);
    }
  }

  void rewrite(Op op) {
    for (ValueId& id : op.inputs) id = local(id, op);
    const Op kept = op;
    graph_.ops.push_back(std::move(op));
    for (ValueId id : kept.outputs) store_stash(id, kept);
  }

  // What `reader` reads instead of `id`.
  ValueId local(ValueId id, const Op& reader) {
    if (graph_.value(id).offloaded) return fetch(id, reader);
    if (reader.region != Region::kBody) return id;
    if (const auto found = stash_.find(id); found != stash_.end()) {
      const bool elsewhere = found->second.body != body_index(reader, plan_);
      return elsewhere ? fetch(found->second.away, reader) : id;
    }
    const auto view = views_.find(id);
    if (view == views_.end() || body_index(view->second, plan_) == body_index(reader, plan_)) {
      return id;
    }
    const ValueId source = local(view->second.inputs[0], reader);
    return source == view->second.inputs[0] ? id : view_again(view->second, source, reader);
  }

  Key key_of(ValueId id, const Op& reader) const {
    return {id.index, body_index(reader, plan_), reader.block, reader.when};
  }

  ValueId fetch(ValueId id, const Op& reader) {
    const auto [entry, added] = copies_.try_emplace(key_of(id, reader));
    if (added) {
      builder_.scope_of(reader);
      entry->second = fetch_here(id);
    }
    return entry->second;
  }

  ValueId fetch_here(ValueId id) {
    const ValueId copy =
        builder_.emit(OpKind::kFetch, {id}, {}, graph_.value(id).name + ".fetched");
    graph_.value(copy).placement = graph_.value(id).placement;
    return copy;
  }

  ValueId view_again(const Op& view, ValueId source, const Op& reader) {
    const ValueId shown = view.outputs[0];
    const auto [entry, added] = copies_.try_emplace(key_of(shown, reader));
    if (!added) return entry->second;
    builder_.scope_of(reader);
    entry->second =
        builder_.emit(view.kind, {source}, view.attributes, graph_.value(shown).name + ".again");
    graph_.value(entry->second).placement = graph_.value(shown).placement;
    return entry->second;
  }

  void store_stash(ValueId id, const Op& maker) {
    const auto found = stash_.find(id);
    if (found == stash_.end()) return;
    builder_.scope_of(maker);
    builder_.stage = graph_.value(id).stage;
    const auto reader = first_block_.find(id);
    const bool received = maker.kind == OpKind::kTransfer && reader != first_block_.end();
    if (received) builder_.block = reader->second;
    found->second.away = store(id, {}, graph_.value(id).name + ".away");
  }

  ValueId store(ValueId id, Attributes attributes, const std::string& name) {
    const ValueId away = builder_.emit(OpKind::kStore, {id}, std::move(attributes), name);
    graph_.value(away).placement = graph_.value(id).placement;
    graph_.value(away).offloaded = true;
    return away;
  }

  // The update of one parameter. Those of parameters that stay belong to the piece before them.
  void update(Op& op) {
    const bool away = std::any_of(op.inputs.begin(), op.inputs.begin() + kUpdated,
                                  [&](ValueId id) { return graph_.value(id).offloaded; });
    if (!away) {
      op.block = piece_;
      graph_.ops.push_back(std::move(op));
      return;
    }
    const Value& first = graph_.value(op.inputs[0]);
    const int64_t elements = local_elements(first);
    const int64_t most = offload_.piece_bytes / static_cast<int64_t>(dtype_bytes(first.type.dtype));
    for (int64_t begin = 0; begin < elements; begin += most) {
      update_piece(op, {begin, std::min(most, elements - begin)}, elements);
    }
    if (elements <= most) return;
    // What reads the updated parameter (a gather of the ranks' parts) reads its storage.
    for (size_t i = 0; i < kUpdated; ++i) behind_[op.outputs[i]] = op.inputs[i];
  }

  void update_piece(const Op& op, Piece piece, int64_t elements) {
    builder_.scope_of(op);
    builder_.block = ++piece_;
    Op next = op;
    next.block = piece_;
    const bool whole = piece.size == elements;
    for (size_t i = 0; i <= kUpdated; ++i) next.inputs[i] = part(op.inputs[i], piece, whole);
    for (size_t i = 0; i < kUpdated; ++i) {
      const ValueId source = next.inputs[i];
      if (source == op.inputs[i]) continue;
      Value updated = graph_.value(source);
      updated.name = builder_.unique_name(updated.name + ".next");
      updated.updates = source;
      next.outputs[i] = graph_.add_value(std::move(updated));
    }
    if (!whole) {
      next.attributes.set("piece", piece.begin);
      next.attributes.set("piece_elements", piece.size);
      next.attributes.set("part_elements", elements);
    }
    const std::vector<ValueId> outputs = next.outputs;
    graph_.ops.push_back(std::move(next));
    for (size_t i = 0; i < kUpdated; ++i) {
      if (!graph_.value(op.inputs[i]).offloaded) continue;
      const ValueId stored =
          store(outputs[i], {{"offset", piece.begin}}, graph_.value(op.inputs[i]).name + ".stored");
      graph_.value(stored).updates = op.inputs[i];
    }
  }

  // Elements of a rank's part of a value: fetched where it is offloaded.
  ValueId part(ValueId id, Piece piece, bool whole) {
    const Value value = graph_.value(id);
    if (whole) return value.offloaded ? fetch_here(id) : id;
    // A bucket's axes keep their order: by it a rank's part is found.
    const bool flat = value.placement.dims.size() == 1;
    const AxisList axes = flat ? value.placement.dims[0] : shard_axes(value.placement);
    const std::vector<std::string> dims = {"elements"};
    const std::vector<std::string> sizes = {fmt::format("{}", piece.size * group_size(axes))};
    const OpKind kind = value.offloaded ? OpKind::kFetch : OpKind::kBucketView;
    const ValueId result =
        builder_.emit(kind, {id}, {{"dims", dims}, {"sizes", sizes}, {"offset", piece.begin}},
                      fmt::format("{}.from{}", value.name, piece.begin));
    graph_.value(result).placement.dims = {axes};
    return result;
  }

  struct Stashed {
    int body = 0;  // that makes it
    ValueId away;  // once it is stored
  };

  Graph& graph_;
  const OpTable& ops_;
  const Plan& plan_;
  const Offload& offload_;
  GraphBuilder builder_;
  std::unordered_map<ValueId, Stashed> stash_;
  std::unordered_map<ValueId, Op> views_;         // by what a view makes
  std::unordered_map<ValueId, int> first_block_;  // that reads a stashed value where it is made
  std::map<Key, ValueId> copies_;                 // fetched, or viewed again
  std::unordered_map<ValueId, ValueId> behind_;   // by output of an update in pieces: its storage
  int piece_ = -1;
};

}  // namespace

Status offload(Graph& graph, const PassContext& context) {
  if (!context.plan.offload.any()) return {};
  return Offloader(graph, context).run();
}

}  // namespace tutti
