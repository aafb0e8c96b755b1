#include "program/lint.h"

#include <algorithm>
#include <map>

namespace tutti {
namespace {

// Ranks of a class differ only in which part of persistent memory is theirs.
constexpr int kAnyRank = 0;

struct Range {
  int64_t first = 0, last = 0;  // [first, last) in the arena; behind it lies what is offloaded
  std::string_view owner;
};

bool overlap(const Range& a, const Range& b) { return a.first < b.last && b.first < a.last; }

struct Memory {
  std::vector<Range> reads, writes;
};

bool conflict(const Memory& a, const Memory& b) {
  const auto any = [](const std::vector<Range>& x, const std::vector<Range>& y) {
    return std::any_of(x.begin(), x.end(), [&](const Range& range) {
      return std::any_of(y.begin(), y.end(),
                         [&](const Range& other) { return overlap(range, other); });
    });
  };
  return any(a.writes, b.writes) || any(a.writes, b.reads) || any(a.reads, b.writes);
}

// The communication and copies that may still be under way. What touches its memory must have
// waited for it, or be in the same lane.
class UnderWay {
 public:
  // Before instruction `self`: what it waits for is done, and what was issued before that in its
  // lane.
  void wait(const Instruction& i, InstructionRef self) {
    self_ = self;
    ordered_.clear();
    for (const InstructionRef& ref : i.waits) {
      if (i.lane == LaneKind::kCompute)
        finish(ref);
      else
        ordered_.push_back(ref);
    }
  }

  Status start(const Instruction& i, const Memory& memory, const std::string& where) {
    return start(i.lane_name(), memory, where, i.outlasts_body);
  }

  // A send or receive, which is known by the number of its action.
  Status start_action(int number, const std::string& lane, const Memory& memory,
                      const std::string& where) {
    self_ = {kAction, number};
    ordered_.clear();
    return start(lane, memory, where, true);
  }
  void finish_action(int number) { finish({kAction, number}); }

  void end_body() {
    for (bool found = true; found;) {
      found = false;
      for (const Started& other : started_) {
        if (other.outlasts) continue;
        finish(other.ref);
        found = true;
        break;
      }
    }
  }

 private:
  static constexpr int kAction = -1;  // in place of a body

  // In no lane: compute.
  Status start(const std::string& lane, const Memory& memory, const std::string& where,
               bool outlasts) {
    const bool communicates = !lane.empty();
    for (const Started& other : started_) {
      const bool behind = communicates && (other.lane == lane || waits_for(other.ref));
      if (behind || !conflict(memory, other.memory)) continue;
      return invalid("{} does not wait for {}, which is under way in memory that it uses", where,
                     other.where);
    }
    if (communicates) {
      started_.push_back({self_, lane, where, memory, outlasts, ordered_});
    }
    return {};
  }

  struct Started {
    InstructionRef ref;
    std::string lane, where;
    Memory memory;
    bool outlasts = false;
    std::vector<InstructionRef> before;  // in other lanes: done when this is
  };

  bool waits_for(InstructionRef ref) const {
    return std::find(ordered_.begin(), ordered_.end(), ref) != ordered_.end();
  }

  // Also what came before it in its lane, and what these waited for.
  void finish(InstructionRef ref) {
    const auto last = std::find_if(started_.rbegin(), started_.rend(),
                                   [&](const Started& s) { return s.ref == ref; });
    if (last == started_.rend()) return;
    const auto end = static_cast<size_t>(started_.rend() - last);
    const std::string lane = last->lane;
    std::vector<InstructionRef> before;
    size_t kept = 0;
    for (size_t i = 0; i < started_.size(); ++i) {
      if (i < end && started_[i].lane == lane) {
        before.insert(before.end(), started_[i].before.begin(), started_[i].before.end());
      } else {
        if (kept != i) started_[kept] = std::move(started_[i]);
        ++kept;
      }
    }
    started_.resize(kept);
    for (const InstructionRef& other : before) finish(other);
  }

  std::vector<Started> started_;         // in order of issue
  std::vector<InstructionRef> ordered_;  // what the instruction at hand waits for in its lane
  InstructionRef self_;
};

// Follows one program in the order of its actions and knows which value's bytes lie where. A view's
// bytes are those of the value that it views.
class MemoryCheck {
 public:
  explicit MemoryCheck(const Program& program) : program_(program) {}

  Status run() {
    // Those between take the same slots in turn: two rounds of the first show their neighbours. The
    // last ones run what runs once a step.
    int most_slots = 1;
    for (const SlotClass& slots : program_.slot_classes)
      most_slots = std::max(most_slots, slots.count);
    const int checked = 2 * most_slots + 2;
    for (size_t number = 0; number < program_.actions.size(); ++number) {
      const Action& action = program_.actions[number];
      for (int wait : action.waits) under_way_.finish_action(wait);
      const bool between =
          action.microbatch >= checked && action.microbatch < program_.microbatches - checked;
      if (between) continue;
      TUTTI_TRY(action.kind == ActionKind::kRun ? body(action)
                                                : communicate(action, static_cast<int>(number)));
    }
    return {};
  }

 private:
  static bool is_view(OpKind kind) {
    return kind == OpKind::kRelabel || kind == OpKind::kBucketView || kind == OpKind::kSettle;
  }
  // What lasts through the step is there from the start, and shared by its updates.
  static bool lasts(const Buffer& buffer) {
    const MemoryRegion region = buffer.address.region;
    return region == MemoryRegion::kPersistent || region == MemoryRegion::kIo;
  }

  std::string_view owner_of(const Buffer& buffer) const {
    const auto found = viewed_.find(buffer.name);
    return found == viewed_.end() ? std::string_view(buffer.name) : found->second;
  }

  Range range_of(const Buffer& buffer, const Action& action) const {
    const Location at = locate(program_, buffer, kAnyRank, action.microbatch, action.slots);
    const int64_t offset = at.offset + (at.offloaded ? program_.total_bytes() : 0);
    return {offset, offset + buffer.bytes, owner_of(buffer)};
  }

  // A fetch may read a part.
  Range read_range(const Instruction& i, BufferId id, const Action& action) const {
    Range range = range_of(program_.buffer(id), action);
    if (i.kind != OpKind::kFetch) return range;
    const Buffer& copy = program_.buffer(i.outputs[0]);
    range.first += offset_bytes(i.attributes, copy.type.dtype);
    range.last = range.first + copy.bytes;
    return range;
  }

  Status check_inside(const Buffer& buffer, const Range& range) const {
    const int64_t arena = program_.total_bytes();
    const int64_t first = buffer.address.offloaded ? arena : 0;
    const int64_t last = buffer.address.offloaded ? arena + program_.offloaded_bytes() : arena;
    if (range.first >= first && range.last <= last) return {};
    return invalid("stage {}: %{} lies outside of the {}", program_.stage, buffer.name,
                   buffer.address.offloaded ? "memory of what is offloaded" : "arena");
  }

  Status write(const Buffer& buffer, const Action& action) {
    const Range range = range_of(buffer, action);
    TUTTI_TRY(check_inside(buffer, range));
    if (lasts(buffer)) return {};
    std::erase_if(contents_, [&](const Range& other) { return overlap(range, other); });
    contents_.push_back(range);
    return {};
  }

  Status read(const Buffer& buffer, const Action& action, std::string_view reader) const {
    const Range range = range_of(buffer, action);
    TUTTI_TRY(check_inside(buffer, range));
    if (lasts(buffer)) return {};
    for (const Range& other : contents_) {
      if (!overlap(range, other)) continue;
      if (other.owner == range.owner && other.first <= range.first && other.last >= range.last) {
        return {};
      }
      return invalid("stage {}, microbatch {}: {} reads %{}, whose memory %{} overwrote",
                     program_.stage, action.microbatch, reader, buffer.name, other.owner);
    }
    return invalid("stage {}, microbatch {}: {} reads %{}, which nothing wrote", program_.stage,
                   action.microbatch, reader, buffer.name);
  }

  // What is received counts as written from when it is posted: who reads it must have waited.
  Status communicate(const Action& action, int number) {
    const Buffer& buffer = program_.buffer(action.buffer);
    Memory memory;
    if (action.kind == ActionKind::kReceive) {
      memory.writes = {range_of(buffer, action)};
      TUTTI_TRY(write(buffer, action));
      return under_way_.start_action(number, "receive " + action.stream, memory,
                                     fmt::format("the receive of %{}", buffer.name));
    }
    const bool copies = action.kind == ActionKind::kCopy;
    TUTTI_TRY(read(buffer, action, copies ? "copy" : "send"));
    memory.reads = {range_of(buffer, action)};
    if (!copies) {
      return under_way_.start_action(number, "send " + action.stream, memory,
                                     fmt::format("the send of %{}", buffer.name));
    }
    const Buffer& target = program_.buffer(action.target);
    memory.writes = {range_of(target, action)};
    TUTTI_TRY(write(target, action));
    return under_way_.start_action(number, "", memory, fmt::format("the copy of %{}", buffer.name));
  }

  Status body(const Action& action) {
    const int64_t scratch = program_.scratch_offset();
    std::erase_if(contents_, [&](const Range& other) {
      return other.first >= scratch && other.last <= scratch + program_.scratch_bytes;
    });
    const Body& body = program_.bodies[static_cast<size_t>(action.body)];
    for (size_t index = 0; index < body.instructions.size(); ++index) {
      const Instruction& i = body.instructions[index];
      under_way_.wait(i, {action.body, static_cast<int>(index)});
      const std::string where = fmt::format("{} of %{} in {}", op_name(i.kind),
                                            program_.buffer(i.outputs[0]).name, body.name);
      if (i.when == When::kLast && !action.last) continue;
      for (BufferId id : i.inputs) TUTTI_TRY(read(program_.buffer(id), action, where));
      TUTTI_TRY(check_workspace(i, action, where));
      if (!is_view(i.kind)) TUTTI_TRY(under_way_.start(i, memory_of(i, action), where));
      if (is_view(i.kind)) {
        const Buffer& source = program_.buffer(i.inputs[0]);
        viewed_[program_.buffer(i.outputs[0]).name] = owner_of(source);
        continue;
      }
      for (BufferId id : i.outputs) TUTTI_TRY(write(program_.buffer(id), action));
    }
    under_way_.end_body();
    return {};
  }

  Memory memory_of(const Instruction& i, const Action& action) const {
    Memory memory;
    for (BufferId id : i.inputs) memory.reads.push_back(read_range(i, id, action));
    for (BufferId id : i.outputs) memory.writes.push_back(range_of(program_.buffer(id), action));
    const int64_t first = program_.scratch_offset() + i.workspace_offset;
    if (i.workspace_bytes > 0)
      memory.writes.push_back({first, first + i.workspace_bytes, "workspace"});
    return memory;
  }

  Status check_workspace(const Instruction& i, const Action& action, const std::string& where) {
    if (i.workspace_bytes == 0) return {};
    const int64_t first = program_.scratch_offset() + i.workspace_offset;
    const Range workspace{first, first + i.workspace_bytes, "workspace"};
    for (const auto* ids : {&i.inputs, &i.outputs}) {
      for (BufferId id : *ids) {
        if (!overlap(workspace, range_of(program_.buffer(id), action))) continue;
        return invalid("stage {}: the workspace of {} overlaps %{}", program_.stage, where,
                       program_.buffer(id).name);
      }
    }
    std::erase_if(contents_, [&](const Range& other) { return overlap(workspace, other); });
    return {};
  }

  const Program& program_;
  UnderWay under_way_;
  std::vector<Range> contents_;
  std::map<std::string_view, std::string_view> viewed_;  // by view: the value whose bytes it shows
};

// The stages that a collective joins; fewer than two: it stays within its stage.
std::vector<int> joined_stages(const Program& program, const Instruction& i) {
  std::vector<int> stages;
  if (!is_communication(i.kind) || !i.attributes.has("axes")) return stages;
  const auto axes = parse_axis_list(i.attributes.get_string("axes"));
  TUTTI_CHECK(axes.has_value(), "{}", i.attributes.get_string("axes"));
  for (const MeshAxis& axis : *axes) {
    if (axis.axis != Axis::kPp) continue;
    const int base = program.stage - program.stage / axis.stride % axis.size * axis.stride;
    for (int c = 0; c < axis.size; ++c) stages.push_back(base + c * axis.stride);
  }
  return stages;
}

// What one stage does that others wait for.
struct Event {
  enum Kind { kSend, kPost, kWaitForSend, kWaitForReceive, kJoin } kind;
  std::string stream;            // or the collective's name
  size_t number = 0;             // of the message in its stream
  std::vector<int> stages = {};  // kJoin
};

// Microbatches in the order in which a stage sends or receives them, by stream.
using Streams = std::map<std::string, std::vector<int>>;

struct StageEvents {
  std::vector<Event> events;
  Streams sent, received;
};

StageEvents events_of(const Program& program) {
  StageEvents result;
  std::vector<Event> message(program.actions.size());  // by action: its wait
  for (size_t a = 0; a < program.actions.size(); ++a) {
    const Action& action = program.actions[a];
    for (int wait : action.waits) result.events.push_back(message[static_cast<size_t>(wait)]);
    if (action.kind == ActionKind::kSend || action.kind == ActionKind::kReceive) {
      const bool sends = action.kind == ActionKind::kSend;
      auto& microbatches = (sends ? result.sent : result.received)[action.stream];
      const size_t number = microbatches.size();
      microbatches.push_back(action.microbatch);
      result.events.push_back({sends ? Event::kSend : Event::kPost, action.stream, number});
      message[a] = {sends ? Event::kWaitForSend : Event::kWaitForReceive, action.stream, number};
    }
    if (action.kind != ActionKind::kRun) continue;
    int joined = 0;
    for (const Instruction& i : program.bodies[static_cast<size_t>(action.body)].instructions) {
      std::vector<int> stages = joined_stages(program, i);
      if (stages.size() < 2) continue;
      result.events.push_back(
          {Event::kJoin,
           fmt::format("{} over {}", op_name(i.kind), i.attributes.get_string("axes")),
           static_cast<size_t>(joined++), std::move(stages)});
    }
  }
  return result;
}

Status check_streams(const std::vector<StageEvents>& stages) {
  Streams sent, received;
  for (const StageEvents& stage : stages) {
    sent.insert(stage.sent.begin(), stage.sent.end());
    received.insert(stage.received.begin(), stage.received.end());
  }
  for (const auto& [stream, microbatches] : sent) {
    const std::vector<int>& expected = received[stream];
    for (size_t n = 0; n < std::min(expected.size(), microbatches.size()); ++n) {
      if (expected[n] == microbatches[n]) continue;
      return invalid(
          "message {} of positions {} is of microbatch {} where it is sent, of {} "
          "where it is received",
          n, stream, microbatches[n], expected[n]);
    }
    if (expected.size() != microbatches.size()) {
      return invalid("{} messages are sent of positions {}, {} are received", microbatches.size(),
                     stream, expected.size());
    }
  }
  for (const auto& [stream, microbatches] : received) {
    if (!microbatches.empty() && !sent.contains(stream)) {
      return invalid("messages of positions {} are received but never sent", stream);
    }
  }
  return {};
}

// Runs the stages' events. A send or receive starts at once; it is done when the other side has
// started it, too.
class WaitCheck {
 public:
  explicit WaitCheck(const std::vector<StageEvents>& stages)
      : stages_(stages), next_(stages.size(), 0) {}

  Status run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t s = 0; s < stages_.size(); ++s) {
        while (!at_end(s) && advance(s)) moved = true;
      }
    }
    for (size_t s = 0; s < stages_.size(); ++s) {
      if (at_end(s)) continue;
      const Event& e = event(s);
      if (e.kind == Event::kJoin) return invalid("stage {} waits for ever in {}", s, e.stream);
      const bool sends = e.kind == Event::kWaitForSend;
      return invalid("stage {} waits for ever for its {} number {} of positions {}", s,
                     sends ? "send" : "receive", e.number, e.stream);
    }
    return {};
  }

 private:
  bool at_end(size_t s) const { return next_[s] == stages_[s].events.size(); }
  const Event& event(size_t s) const { return stages_[s].events[next_[s]]; }

  bool advance(size_t s) {
    const Event& e = event(s);
    if (e.kind == Event::kWaitForSend && posted_[e.stream] <= e.number) return false;
    if (e.kind == Event::kWaitForReceive && sent_[e.stream] <= e.number) return false;
    if (e.kind == Event::kJoin) return join(e);
    if (e.kind == Event::kSend) ++sent_[e.stream];
    if (e.kind == Event::kPost) ++posted_[e.stream];
    ++next_[s];
    return true;
  }

  bool join(const Event& e) {
    const auto is_at = [&](int stage) {
      const auto s = static_cast<size_t>(stage);
      return !at_end(s) && event(s).kind == Event::kJoin && event(s).stream == e.stream;
    };
    const std::vector<int> members = e.stages;
    if (!std::all_of(members.begin(), members.end(), is_at)) return false;
    for (int stage : members) ++next_[static_cast<size_t>(stage)];
    return true;
  }

  const std::vector<StageEvents>& stages_;
  std::vector<size_t> next_;  // event, by stage
  std::map<std::string, size_t> sent_, posted_;
};

}  // namespace

Status lint(const std::vector<Program>& stages) {
  for (const Program& program : stages) TUTTI_TRY(MemoryCheck(program).run());
  std::vector<StageEvents> events;
  for (const Program& program : stages) events.push_back(events_of(program));
  TUTTI_TRY(check_streams(events));
  return WaitCheck(events).run();
}

}  // namespace tutti
