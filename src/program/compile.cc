#include "program/compile.h"

#include <algorithm>
#include <charconv>

#include "program/actions.h"
#include "program/collective_layout.h"
#include "program/scratch.h"
#include "program/stage_ops.h"
#include "program/storage.h"
#include "program/waits.h"

namespace tutti {
namespace {

size_t at(ValueId id) { return static_cast<size_t>(id.index); }

class Compiler {
 public:
  Compiler(const Graph& graph, const Plan& plan, const OpTable& ops, const KernelNeeds& needs,
           const CompileOptions& options)
      : graph_(graph),
        plan_(plan),
        ops_(ops),
        needs_(needs),
        options_(options),
        stage_(stage_ops(graph, plan, options.stage)),
        storage_(share_storage(graph, ops, stage_)),
        root_address_(graph.values.size()),
        buffer_of_(graph.values.size()),
        body_of_(stage_.bodies.size(), -1) {}

  Result<Program> run() {
    program_.name = graph_.name;
    program_.mesh = plan_.mesh;
    program_.stage = options_.stage;
    program_.pipeline = plan_.pipeline();
    program_.microbatches = static_cast<int>(plan_.microbatches);
    place_inputs_and_persistent();
    place_slots();
    for (int b = 0; b < static_cast<int>(stage_.bodies.size()); ++b) add_body(b);
    for (const Transfer& transfer : stage_.transfers) {
      if (transfer.sends) buffer(transfer.source);
      if (!transfer.sends || transfer.local) buffer(transfer.target);
    }
    add_waits_across(program_, accesses_);
    add_actions(program_, {stage_, *options_.schedule, body_of_, buffer_of_, slot_lives_});
    for (ValueId id : graph_.outputs) {
      if (storage_.of[at(id)].used) program_.outputs.push_back(buffer(id));
    }
    return std::move(program_);
  }

 private:
  const RootLife& life(ValueId id) const { return storage_.lives[at(id)]; }

  bool is_root(size_t i) const {
    const Storage& s = storage_.of[i];
    return s.used && s.root.index == static_cast<int32_t>(i);
  }

  void place_inputs_and_persistent() {
    PersistentLayout own;
    PersistentLayout& layout = options_.persistent ? *options_.persistent : own;
    // Parameters lie together, then optimizer state, then accumulators: in order of declaration.
    for (Role role : {Role::kParameter, Role::kState, Role::kAccumulator, Role::kTemporary}) {
      for (size_t i = 0; i < graph_.values.size(); ++i) {
        const Value& value = graph_.values[i];
        const bool kept = role != Role::kTemporary || storage_.lives[i].kept;
        if (!is_root(i) || value.role != role || !kept) continue;
        const int64_t bytes = local_bytes(value);
        PersistentLayout::Space& space = value.offloaded ? layout.offloaded : layout.resident;
        const auto [entry, added] = space.ranges.try_emplace(value.name);
        if (added) entry->second = {space.bytes, bytes};
        TUTTI_CHECK(entry->second.bytes == bytes, "%{} has {} bytes, in another program {}",
                    value.name, bytes, entry->second.bytes);
        if (added) space.bytes += aligned(bytes);
        root_address_[i].region = MemoryRegion::kPersistent;
        root_address_[i].offset = entry->second.offset;
        root_address_[i].offloaded = value.offloaded;
        if (role != Role::kTemporary) buffer(ValueId(static_cast<int64_t>(i)));
      }
    }
    program_.persistent_bytes = layout.resident.bytes;
    program_.offloaded_persistent_bytes = layout.offloaded.bytes;
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      const Value& value = graph_.values[i];
      if (!is_root(i) || (value.role != Role::kInput && value.role != Role::kScalar)) continue;
      const BodyKind body = stage_.bodies[storage_.lives[i].born.body].kind;
      const bool once = body == BodyKind::kPrologue || body == BodyKind::kEpilogue;
      const bool each = value.role == Role::kInput && !once;
      root_address_[i].region = MemoryRegion::kIo;
      root_address_[i].offset = program_.io_bytes;
      root_address_[i].per_microbatch = each;
      program_.io_bytes += aligned(local_bytes(value)) * (each ? plan_.microbatches : 1);
    }
  }

  bool in_slot(size_t i) const {
    const RootLife& l = storage_.lives[i];
    return is_root(i) && graph_.values[i].role == Role::kTemporary && !l.kept && l.born != l.dies;
  }

  void place_slots() {
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      if (!in_slot(i)) continue;
      const RootLife& l = storage_.lives[i];
      const bool offloaded = graph_.values[i].offloaded;
      const SlotLife key{l.born, l.dies, offloaded};
      const auto found = std::find(slot_lives_.begin(), slot_lives_.end(), key);
      const auto index = static_cast<size_t>(found - slot_lives_.begin());
      if (found == slot_lives_.end()) {
        slot_lives_.push_back(key);
        program_.slot_classes.push_back({slot_name(key, stage_.bodies, plan_), 0, 0, offloaded});
      }
      SlotClass& slots = program_.slot_classes[index];
      root_address_[i].region = MemoryRegion::kSlot;
      root_address_[i].slot_class = static_cast<int>(index);
      root_address_[i].offset = slots.bytes;
      root_address_[i].offloaded = offloaded;
      slots.bytes += aligned(local_bytes(graph_.values[i]));
    }
  }

  BufferId buffer(ValueId id) {
    BufferId& result = buffer_of_[at(id)];
    if (result.valid()) return result;
    const Value& value = graph_.value(id);
    const Storage& s = storage_.of[at(id)];
    Address address = root_address_[at(s.root)];
    address.offset += s.offset;
    address.part = s.part;
    address.part_bytes = s.part_bytes;
    result = BufferId(static_cast<int64_t>(program_.buffers.size()));
    program_.buffers.push_back(
        {value.name, value.type, value.placement, value.role, address, local_bytes(value)});
    return result;
  }

  Instruction instruction(const Op& op) {
    Instruction result;
    result.kind = op.kind;
    result.attributes = op.attributes;
    result.accumulation = op.accumulation;
    result.when = op.when;
    result.block = op.block;
    result.lane = lane_of(op.kind);
    for (ValueId id : op.inputs) result.inputs.push_back(buffer(id));
    for (size_t i = 0; i < op.outputs.size(); ++i) {
      result.outputs.push_back(buffer(op.outputs[i]));
      const ValueId updated = graph_.value(op.outputs[i]).updates;
      const bool accumulates = op.accumulation != Accumulation::kNone && updated.valid() &&
                               graph_.value(updated).role == Role::kAccumulator;
      if (accumulates) result.accumulators |= 1u << i;
    }
    result.workspace_bytes = workspace_bytes(op, result.accumulation != Accumulation::kNone);
    return result;
  }

  int64_t workspace_bytes(const Op& op, bool accumulates) {
    std::vector<Operand> inputs, outputs;
    for (ValueId id : op.inputs)
      inputs.push_back(operand_of(program_.buffer(buffer(id)), plan_.mesh, 0));
    for (ValueId id : op.outputs)
      outputs.push_back(operand_of(program_.buffer(buffer(id)), plan_.mesh, 0));
    KernelCall call;
    call.kind = op.kind;
    call.attributes = &op.attributes;
    call.inputs = inputs;
    call.outputs = outputs;
    if (is_copy(op.kind)) return 0;
    if (is_communication(op.kind)) return collective_layout(call, accumulates).workspace_bytes();
    return static_cast<int64_t>(needs_.workspace_bytes(call));
  }

  void add_body(int number) {
    const std::vector<Op>& ops = stage_.bodies[number].ops;
    if (ops.empty()) return;
    place_scratch(number);
    Body body;
    body.name = body_name(stage_.bodies[number], plan_);
    for (const Op& op : ops) body.instructions.push_back(instruction(op));
    const std::vector<int> done = order_communication(number, body);
    std::vector<ScratchItem> items = roots_in(number);
    const size_t root_count = items.size();
    for (size_t i = 0; i < ops.size(); ++i) {
      const Instruction& made = body.instructions[i];
      items.push_back({static_cast<int>(i), done[i] - 1, made.workspace_bytes, 0});
    }
    body.scratch_bytes = assign_scratch(items);
    for (size_t i = 0; i < ops.size(); ++i) {
      body.instructions[i].workspace_offset = items[root_count + i].offset;
    }
    // The roots moved when workspaces joined them: addresses are set again.
    set_scratch_addresses(number, items);
    program_.scratch_bytes = std::max(program_.scratch_bytes, body.scratch_bytes);
    body_of_[static_cast<size_t>(number)] = static_cast<int>(program_.bodies.size());
    program_.bodies.push_back(std::move(body));
  }

  Access access_of(const Op& op) const {
    Access access;
    if (ops_[op.kind].view) return access;  // touches nothing
    for (ValueId id : op.inputs) access.reads.push_back({storage_.of[at(id)].root.index});
    for (ValueId id : op.outputs) access.writes.push_back({storage_.of[at(id)].root.index});
    // Pieces of what is offloaded are on their way in both directions at a time.
    if (is_copy(op.kind)) {
      Touched& away = op.kind == OpKind::kFetch ? access.reads[0] : access.writes[0];
      const Value& copy = graph_.value(op.outputs[0]);
      away.first = offset_bytes(op.attributes, copy.type.dtype);
      away.last = away.first + local_bytes(copy);
    }
    return access;
  }

  bool lasts(const Access& access, const Instruction& made) const {
    if (made.workspace_bytes > 0) return false;
    for (const auto* storages : {&access.reads, &access.writes}) {
      for (const Touched& touched : *storages) {
        const Address& address = root_address_[static_cast<size_t>(touched.storage)];
        if (address.region != MemoryRegion::kPersistent) return false;
      }
    }
    return true;
  }

  // Sets the waits of a body and keeps the memory of what is in its lanes until it is done. Returns
  // by instruction the first one that finds it done.
  std::vector<int> order_communication(int stage_body, Body& body) {
    const std::vector<Op>& ops = stage_.bodies[stage_body].ops;
    std::vector<Access> accesses;
    std::vector<bool> last;
    for (size_t i = 0; i < ops.size(); ++i) {
      accesses.push_back(access_of(ops[i]));
      last.push_back(lasts(accesses.back(), body.instructions[i]));
    }
    const int number = static_cast<int>(program_.bodies.size());
    const std::vector<int> done = add_waits(body, number, accesses, last, plan_.prefetch);
    for (size_t i = 0; i < ops.size(); ++i) {
      for (const auto* storages : {&accesses[i].reads, &accesses[i].writes}) {
        for (const Touched& touched : *storages) {
          RootLife& l = storage_.lives[static_cast<size_t>(touched.storage)];
          if (l.born == l.dies && l.born.body == stage_body) l.last = std::max(l.last, done[i] - 1);
        }
      }
    }
    accesses_.push_back(std::move(accesses));
    return done;
  }

  bool is_scratch(size_t i, int body) const {
    const RootLife& l = storage_.lives[i];
    return is_root(i) && graph_.values[i].role == Role::kTemporary && !l.kept && l.born == l.dies &&
           l.born.body == body;
  }

  std::vector<ScratchItem> roots_in(int body) const {
    std::vector<ScratchItem> items;
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      if (!is_scratch(i, body)) continue;
      const RootLife& l = storage_.lives[i];
      items.push_back({l.first, l.last, local_bytes(graph_.values[i]), 0});
    }
    return items;
  }

  void place_scratch(int body) {
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      if (is_scratch(i, body)) root_address_[i].region = MemoryRegion::kScratch;
    }
  }

  void set_scratch_addresses(int body, const std::vector<ScratchItem>& items) {
    size_t next = 0;
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      if (is_scratch(i, body)) root_address_[i].offset = items[next++].offset;
    }
    for (size_t i = 0; i < graph_.values.size(); ++i) {
      const Storage& s = storage_.of[i];
      if (!buffer_of_[i].valid() || !is_scratch(at(s.root), body)) continue;
      program_.buffer(buffer_of_[i]).address.offset = root_address_[at(s.root)].offset + s.offset;
    }
  }

  const Graph& graph_;
  const Plan& plan_;
  const OpTable& ops_;
  const KernelNeeds& needs_;
  const CompileOptions& options_;
  StageOps stage_;
  StorageMap storage_;
  std::vector<Address> root_address_;          // by value
  std::vector<BufferId> buffer_of_;            // by value
  std::vector<SlotLife> slot_lives_;           // by slot class
  std::vector<int> body_of_;                   // of the program, by body of the stage; -1: none
  std::vector<std::vector<Access>> accesses_;  // by body and instruction
  Program program_;
};

}  // namespace

Result<Program> compile(const Graph& graph, const Plan& plan, const OpTable& ops,
                        const KernelNeeds& needs, const CompileOptions& options) {
  TUTTI_CHECK(options.schedule != nullptr);
  if (options.schedule->microbatches != plan.microbatches) {
    return invalid("the schedule has {} microbatches, the plan {}", options.schedule->microbatches,
                   plan.microbatches);
  }
  if (static_cast<int>(options.schedule->stages.size()) != plan.mesh.size(Axis::kPp)) {
    return invalid("the schedule has {} stages, the mesh pp = {}", options.schedule->stages.size(),
                   plan.mesh.size(Axis::kPp));
  }
  if (options.schedule->chunks != plan.chunks || options.schedule->order != plan.chunk_order) {
    return invalid("the schedule has {} chunks a stage in another order than the plan's {}",
                   options.schedule->chunks, plan.chunks);
  }
  return Compiler(graph, plan, ops, needs, options).run();
}

Operand operand_of(const Buffer& buffer, const Mesh& mesh, int rank) {
  Operand operand;
  operand.dtype = buffer.type.dtype;
  for (size_t d = 0; d < buffer.type.dims.size(); ++d) {
    const Dim& dim = buffer.type.dims[d];
    const bool placed = d < buffer.placement.dims.size();
    const int64_t parts = placed ? group_size(buffer.placement.dims[d]) : 1;
    const int64_t part = placed ? mesh.group_index(rank, buffer.placement.dims[d]) : 0;
    operand.dims.push_back(dim.name);
    operand.global_sizes.push_back(dim.size);
    operand.sizes.push_back(dim.size / parts);
    operand.offsets.push_back(dim.size / parts * part);
  }
  return operand;
}

}  // namespace tutti
