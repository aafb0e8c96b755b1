#include "program/lint.h"

#include <algorithm>
#include <map>
#include <set>

namespace tutti {
namespace {

// Ranks of a class differ only in which part of persistent memory is theirs.
constexpr int kAnyRank = 0;

struct Range {
  int64_t first = 0, last = 0;  // [first, last) in the arena
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

// The communication that may still be under way. What touches its memory must have waited for it,
// or be in the same lane.
class UnderWay {
 public:
  // Before instruction `self`: what it waits for is done, and what was issued before that in its
  // lane.
  void wait(const Instruction& i, InstructionRef self) {
    self_ = self;
    for (const InstructionRef& ref : i.waits) {
      if (i.lane == LaneKind::kCompute)
        finish(ref);
      else
        ordered_.push_back(ref);
    }
  }

  Status start(const Instruction& i, const Memory& memory, const std::string& where) {
    const bool communicates = i.lane == LaneKind::kCommunication;
    const std::string lane = communicates ? i.attributes.get_string("axes") : "";
    for (const Started& other : started_) {
      const bool behind = communicates && (other.lane == lane || waits_for(other.ref));
      if (behind || !conflict(memory, other.memory)) continue;
      return invalid("{} does not wait for {}, which is under way in memory that it uses", where,
                     other.where);
    }
    if (communicates) {
      std::vector<InstructionRef> before = ordered_;
      started_.push_back({self_, lane, where, memory, i.outlasts_body, std::move(before)});
    }
    ordered_.clear();
    return {};
  }

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
    // Later microbatches take the same slots in turn: two rounds of them show every neighbour.
    int most_slots = 1;
    for (const SlotClass& slots : program_.slot_classes)
      most_slots = std::max(most_slots, slots.count);
    const int checked = 2 * most_slots + 2;
    for (const Action& action : program_.actions) {
      if (action.microbatch >= checked) continue;
      if (action.kind == ActionKind::kRun) {
        TUTTI_TRY(body(action));
      } else if (action.kind == ActionKind::kReceive) {
        write(program_.buffer(action.buffer), action);
      } else {
        TUTTI_TRY(read(program_.buffer(action.buffer), action, "send"));
      }
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
    const int64_t offset =
        arena_offset(program_, buffer, kAnyRank, action.microbatch, action.slots);
    return {offset, offset + buffer.bytes, owner_of(buffer)};
  }

  void write(const Buffer& buffer, const Action& action) {
    if (lasts(buffer)) return;
    const Range range = range_of(buffer, action);
    std::erase_if(contents_, [&](const Range& other) { return overlap(range, other); });
    contents_.push_back(range);
  }

  Status read(const Buffer& buffer, const Action& action, std::string_view reader) const {
    const Range range = range_of(buffer, action);
    if (range.first < 0 || range.last > program_.total_bytes()) {
      return invalid("stage {}: %{} lies outside of the arena", program_.stage, buffer.name);
    }
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
      for (BufferId id : i.outputs) write(program_.buffer(id), action);
    }
    under_way_.end_body();
    return {};
  }

  Memory memory_of(const Instruction& i, const Action& action) const {
    Memory memory;
    for (BufferId id : i.inputs) memory.reads.push_back(range_of(program_.buffer(id), action));
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

// Whether a collective's group spans stages.
bool crosses_stages(const Instruction& i) {
  if (i.kind == OpKind::kReplicaSum) return true;
  if (!is_communication(i.kind)) return false;
  const auto axes = parse_axis_list(i.attributes.get_string("axes"));
  return axes && std::any_of(axes->begin(), axes->end(),
                             [](const MeshAxis& axis) { return axis.axis == Axis::kPp; });
}

struct Event {
  enum Kind { kSend, kReceive, kJoin } kind;
  std::string tag;
};

std::vector<Event> events_of(const Program& program) {
  std::vector<Event> events;
  for (const Action& action : program.actions) {
    if (action.kind != ActionKind::kRun) {
      const bool sends = action.kind == ActionKind::kSend;
      events.push_back({sends ? Event::kSend : Event::kReceive,
                        fmt::format("{} microbatch {}", action.tag, action.microbatch)});
      continue;
    }
    int joined = 0;
    for (const Instruction& i : program.bodies[static_cast<size_t>(action.body)].instructions) {
      if (crosses_stages(i)) {
        events.push_back({Event::kJoin, fmt::format("{} {}", op_name(i.kind), joined++)});
      }
    }
  }
  return events;
}

// Runs the stages' events: sends do not wait, receives wait for their send, a collective across
// stages waits until every stage is at it.
Status check_waiting(const std::vector<Program>& stages) {
  std::vector<std::vector<Event>> events;
  for (const Program& program : stages) events.push_back(events_of(program));
  std::vector<size_t> next(stages.size(), 0);
  std::multiset<std::string> sent;
  const auto at_end = [&](size_t s) { return next[s] == events[s].size(); };
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t s = 0; s < stages.size(); ++s) {
      while (!at_end(s) && events[s][next[s]].kind != Event::kJoin) {
        const Event& event = events[s][next[s]];
        if (event.kind == Event::kReceive) {
          const auto found = sent.find(event.tag);
          if (found == sent.end()) break;
          sent.erase(found);
        } else {
          sent.insert(event.tag);
        }
        ++next[s];
        moved = true;
      }
    }
    bool all_join = true;
    for (size_t s = 0; s < stages.size(); ++s) {
      all_join = all_join && !at_end(s) && events[s][next[s]].kind == Event::kJoin &&
                 events[s][next[s]].tag == events[0][next[0]].tag;
    }
    if (!all_join) continue;
    for (size_t& n : next) ++n;
    moved = true;
  }
  for (size_t s = 0; s < stages.size(); ++s) {
    if (!at_end(s)) return invalid("stage {} waits for ever for {}", s, events[s][next[s]].tag);
  }
  if (!sent.empty()) return invalid("{} is sent but never received", *sent.begin());
  return {};
}

}  // namespace

Status lint(const std::vector<Program>& stages) {
  for (const Program& program : stages) TUTTI_TRY(MemoryCheck(program).run());
  return check_waiting(stages);
}

}  // namespace tutti
