#include <array>
#include <unordered_map>

#include "ir/text_cursor.h"
#include "program/text.h"

namespace tutti {
namespace {

constexpr std::array kRoles = {Role::kTemporary, Role::kInput, Role::kScalar,
                               Role::kParameter, Role::kState, Role::kAccumulator};
constexpr std::array kRegions = {MemoryRegion::kPersistent, MemoryRegion::kSlot,
                                 MemoryRegion::kScratch, MemoryRegion::kIo};

class ProgramParser {
 public:
  Result<Program> parse(std::string_view text) {
    int number = 0;
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      TextCursor cursor(text.substr(0, end), ++number);
      if (!cursor.at_end()) TUTTI_TRY(line(cursor));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (program_.name.empty()) return corrupt("line 1: expected 'program NAME'");
    TUTTI_TRY(resolve_waits());
    return std::move(program_);
  }

 private:
  Status line(TextCursor& c) {
    if (c.accept("program ")) return header(c);
    if (c.accept("persistent ")) return number(c, program_.persistent_bytes);
    if (c.accept("slots ")) return slot_class(c);
    if (c.accept("offloaded ")) return number(c, program_.offloaded_persistent_bytes);
    if (c.accept("scratch ")) return number(c, program_.scratch_bytes);
    if (c.accept("io ")) return number(c, program_.io_bytes);
    if (c.accept("buffer ")) return buffer(c);
    if (c.accept("body ")) return body(c);
    if (c.accept("run ")) return run(c);
    if (c.accept("send ")) return communicate(c, ActionKind::kSend, "to=");
    if (c.accept("copy ")) return copy(c);
    if (c.accept("receive ")) return communicate(c, ActionKind::kReceive, "from=");
    if (c.accept("output ")) {
      TUTTI_ASSIGN(const BufferId id, reference(c));
      program_.outputs.push_back(id);
      return {};
    }
    return instruction(c);
  }

  template <typename T>
  Status number(TextCursor& c, T& target) {
    TUTTI_ASSIGN(const int64_t value, c.integer("a number"));
    target = static_cast<T>(value);
    return {};
  }

  template <typename T>
  Status field(TextCursor& c, std::string_view name, T& target) {
    TUTTI_TRY(c.expect(name));
    return number(c, target);
  }

  Status header(TextCursor& c) {
    TUTTI_ASSIGN(program_.name, c.word("the program's name"));
    TUTTI_TRY(field(c, "stage=", program_.stage));
    TUTTI_TRY(c.expect("mesh="));
    const Error otherwise = c.error_here("'one' or mesh axes such as 'pp2.tp2'");
    TUTTI_ASSIGN(const std::string mesh, c.word("a mesh"));
    if (mesh != "one") {
      const std::optional<AxisList> axes = parse_axis_list(mesh);
      if (!axes) return otherwise;
      for (const MeshAxis& axis : *axes) program_.mesh.size(axis.axis) = axis.size;
    }
    TUTTI_TRY(field(c, "microbatches=", program_.microbatches));
    program_.pipeline.stages = program_.mesh.size(Axis::kPp);
    if (!c.accept("chunks=")) return {};
    TUTTI_TRY(number(c, program_.pipeline.chunks));
    TUTTI_TRY(c.expect("order="));
    const Error unknown = c.error_here("loop or v");
    TUTTI_ASSIGN(const std::string order, c.word("an order of chunks"));
    if (order != "loop" && order != "v") return unknown;
    program_.pipeline.order = order == "v" ? ChunkOrder::kV : ChunkOrder::kLoop;
    return {};
  }

  Status slot_class(TextCursor& c) {
    SlotClass slots;
    slots.name = c.until(" ");
    TUTTI_TRY(field(c, "bytes=", slots.bytes));
    TUTTI_TRY(field(c, "count=", slots.count));
    slots.offloaded = c.accept("offloaded");
    program_.slot_classes.push_back(slots);
    return {};
  }

  Result<BufferId> reference(TextCursor& c) {
    TUTTI_ASSIGN(const std::string name, c.value_name());
    const auto found = ids_.find(name);
    if (found == ids_.end()) return c.error_here(fmt::format("a buffer, %{} is none", name));
    return found->second;
  }

  Status buffer(TextCursor& c) {
    Buffer b;
    TUTTI_ASSIGN(b.name, c.value_name());
    TUTTI_TRY(c.expect(":"));
    TUTTI_TRY(c.type(b.type, b.placement));
    TUTTI_TRY(c.expect("role="));
    TUTTI_ASSIGN(const std::string role, c.word("a role"));
    for (Role candidate : kRoles) {
      if (role_name(candidate) == role) b.role = candidate;
    }
    TUTTI_TRY(c.expect("at"));
    TUTTI_TRY(address(c, b.address));
    Value value;
    value.type = b.type;
    value.placement = b.placement;
    b.bytes = local_bytes(value);
    ids_[b.name] = BufferId(static_cast<int64_t>(program_.buffers.size()));
    program_.buffers.push_back(std::move(b));
    return {};
  }

  Status address(TextCursor& c, Address& address) {
    address.offloaded = c.accept("offloaded ");
    const Error otherwise = c.error_here("persistent, slot, scratch or io");
    TUTTI_ASSIGN(const std::string region, c.word("a region"));
    bool found = false;
    for (MemoryRegion candidate : kRegions) {
      if (memory_region_name(candidate) != region) continue;
      address.region = candidate;
      found = true;
    }
    if (!found) return otherwise;
    if (address.region == MemoryRegion::kSlot) TUTTI_TRY(field(c, ":", address.slot_class));
    TUTTI_TRY(field(c, "+", address.offset));
    address.per_microbatch = c.accept("each");
    if (!c.accept("part=")) return {};
    const Error no_axes = c.error_here("mesh axes such as 'shard2'");
    const std::optional<AxisList> axes = parse_axis_list(c.until("*"));
    if (!axes) return no_axes;
    address.part = *axes;
    return field(c, "*", address.part_bytes);
  }

  Status body(TextCursor& c) {
    Body b;
    TUTTI_ASSIGN(b.name, c.word("a body's name"));
    TUTTI_TRY(field(c, "scratch=", b.scratch_bytes));
    bodies_[b.name] = static_cast<int>(program_.bodies.size());
    program_.bodies.push_back(std::move(b));
    return {};
  }

  Status instruction(TextCursor& c) {
    if (program_.bodies.empty()) return c.error_here("a declaration or 'body'");
    Instruction i;
    const Error unknown = c.error_here("an instruction");
    TUTTI_ASSIGN(const std::string kind, c.word("an instruction"));
    const std::optional<OpKind> parsed = parse_op_kind(kind);
    if (!parsed) return unknown;
    i.kind = *parsed;
    i.lane = lane_of(i.kind);
    TUTTI_TRY(references(c, i.outputs));
    TUTTI_TRY(c.expect("="));
    TUTTI_TRY(references(c, i.inputs));
    TextCursor ahead = c;
    if (ahead.accept("{")) {
      TUTTI_ASSIGN(i.attributes, c.attributes());
    }
    if (c.accept("block=")) TUTTI_TRY(number(c, i.block));
    if (c.accept("workspace=")) {
      TUTTI_TRY(number(c, i.workspace_offset));
      TUTTI_TRY(field(c, "+", i.workspace_bytes));
    }
    if (c.accept("accumulators=")) TUTTI_TRY(number(c, i.accumulators));
    if (c.accept("add=after_first")) i.accumulation = Accumulation::kAfterFirst;
    if (c.accept("add=always")) i.accumulation = Accumulation::kAlways;
    if (c.accept("when=last")) i.when = When::kLast;
    i.outlasts_body = c.accept("outlasts");
    TUTTI_TRY(waits(c, i));
    if (!c.at_end()) return c.error_here("the end of the line");
    program_.bodies.back().instructions.push_back(std::move(i));
    return {};
  }

  // A wait may name a body that comes later: they are resolved at the end.
  Status waits(TextCursor& c, Instruction& instruction) {
    while (c.accept("wait=")) {
      const std::string body = c.until(":");
      InstructionRef ref;
      TUTTI_TRY(field(c, ":", ref.index));
      pending_waits_.push_back({program_.bodies.size() - 1,
                                program_.bodies.back().instructions.size(),
                                instruction.waits.size(), body, c.error_here("a body's name")});
      instruction.waits.push_back(ref);
    }
    return {};
  }

  Status resolve_waits() {
    for (const PendingWait& wait : pending_waits_) {
      const auto found = bodies_.find(wait.target);
      if (found == bodies_.end()) return wait.unknown;
      program_.bodies[wait.body].instructions[wait.instruction].waits[wait.wait].body =
          found->second;
    }
    return {};
  }

  Status references(TextCursor& c, std::vector<BufferId>& ids) {
    do {
      TUTTI_ASSIGN(const BufferId id, reference(c));
      ids.push_back(id);
    } while (c.accept(","));
    return {};
  }

  Status run(TextCursor& c) {
    Action action;
    const Error unknown = c.error_here("the name of a body");
    TUTTI_ASSIGN(const std::string name, c.word("a body's name"));
    const auto found = bodies_.find(name);
    if (found == bodies_.end()) return unknown;
    action.body = found->second;
    return finish(c, std::move(action));
  }

  Status communicate(TextCursor& c, ActionKind kind, std::string_view direction) {
    Action action;
    action.kind = kind;
    TUTTI_ASSIGN(action.buffer, reference(c));
    TUTTI_TRY(field(c, direction, action.peer_stage));
    TUTTI_TRY(c.expect("stream="));
    TUTTI_ASSIGN(action.stream, c.word("a stream such as '0>1'"));
    return finish(c, std::move(action));
  }

  Status copy(TextCursor& c) {
    Action action;
    action.kind = ActionKind::kCopy;
    TUTTI_ASSIGN(action.target, reference(c));
    TUTTI_TRY(c.expect("="));
    TUTTI_ASSIGN(action.buffer, reference(c));
    return finish(c, std::move(action));
  }

  static Status numbers(TextCursor& c, std::string_view what, std::vector<int>& list) {
    do {
      TUTTI_ASSIGN(const int64_t number, c.integer(what));
      list.push_back(static_cast<int>(number));
    } while (c.accept(","));
    return {};
  }

  Status finish(TextCursor& c, Action action) {
    TUTTI_TRY(field(c, "mb=", action.microbatch));
    action.first = c.accept("first");
    action.last = c.accept("last");
    if (c.accept("slots=")) TUTTI_TRY(numbers(c, "a slot", action.slots));
    if (c.accept("waits=")) TUTTI_TRY(numbers(c, "the number of an action", action.waits));
    program_.actions.push_back(std::move(action));
    return {};
  }

  struct PendingWait {
    size_t body, instruction, wait;
    std::string target;
    Error unknown;
  };

  Program program_;
  std::vector<PendingWait> pending_waits_;
  std::unordered_map<std::string, BufferId> ids_;
  std::unordered_map<std::string, int> bodies_;
};

}  // namespace

Result<Program> parse_program(std::string_view text) { return ProgramParser().parse(text); }

}  // namespace tutti
