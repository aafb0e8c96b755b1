#include "program/actions.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "schedule/timeline.h"

namespace tutti {
namespace {

BodyKind kind_of(PassKind pass) {
  if (pass == PassKind::kForward) return BodyKind::kForward;
  return pass == PassKind::kBackwardWeight ? BodyKind::kBackwardWeight : BodyKind::kBackward;
}

// Slots in use, by class; and who holds which.
class SlotPool {
 public:
  explicit SlotPool(size_t classes) : used_(classes), held_(classes) {}

  void take(size_t slot_class, int microbatch) {
    auto& used = used_[slot_class];
    const auto free = std::find(used.begin(), used.end(), false);
    const auto slot = static_cast<size_t>(free - used.begin());
    if (free == used.end()) used.push_back(false);
    used[slot] = true;
    held_[slot_class][microbatch] = static_cast<int>(slot);
  }

  void give_back(size_t slot_class, int microbatch) {
    used_[slot_class][static_cast<size_t>(held_[slot_class][microbatch])] = false;
    held_[slot_class].erase(microbatch);
  }

  std::vector<int> held_by(int microbatch) const {
    std::vector<int> slots;
    for (const auto& by_microbatch : held_) {
      const auto found = by_microbatch.find(microbatch);
      slots.push_back(found == by_microbatch.end() ? -1 : found->second);
    }
    return slots;
  }

  bool holds(size_t slot_class, int microbatch) const {
    return held_[slot_class].contains(microbatch);
  }
  int count(size_t slot_class) const { return static_cast<int>(used_[slot_class].size()); }

 private:
  std::vector<std::vector<bool>> used_;
  std::vector<std::map<int, int>> held_;  // class -> microbatch -> slot
};

// When the receives of a schedule's passes are posted, and so which pass may wait for a send.
class SendEnds {
 public:
  explicit SendEnds(const Schedule& schedule) : schedule_(schedule) {
    if (schedule.stage_count() > 1) timeline_ = simulate(schedule, PassTimes());
  }

  // The first pass of `stage` that may wait for what its pass number `pass` sent to `position`.
  size_t end(int stage, size_t pass, int position) {
    const auto& passes = timeline_.stages[static_cast<size_t>(stage)];
    const double posted = posted_at(passes[pass].pass, position);
    size_t at = pass + 2;
    while (at < passes.size() && passes[at].begin <= posted) ++at;
    return at;
  }

 private:
  using PassKey = std::tuple<PassKind, int, int>;

  double posted_at(const ScheduledPass& sender, int position) {
    const Pipeline pipeline = schedule_.pipeline();
    const auto stage = static_cast<size_t>(pipeline.stage_of(position));
    const auto& passes = timeline_.stages[stage];
    auto& numbers = numbers_[stage];
    if (numbers.empty()) {
      for (size_t i = 0; i < passes.size(); ++i) {
        const ScheduledPass& pass = passes[i].pass;
        numbers[{pass.kind, pass.microbatch, pass.chunk}] = i;
      }
    }
    const auto found = numbers.find({sender.kind, sender.microbatch, pipeline.chunk_of(position)});
    TUTTI_CHECK(found != numbers.end(), "no {} at position {}", to_string(sender), position);
    return found->second == 0 ? -1 : passes[found->second - 1].begin;
  }

  const Schedule& schedule_;
  Timeline timeline_;
  std::map<size_t, std::map<PassKey, size_t>> numbers_;  // of passes, by stage
};

class ActionList {
 public:
  ActionList(Program& program, const StageActions& from)
      : program_(program),
        from_(from),
        bodies_(from.stage.bodies),
        pool_(lives().size()),
        send_ends_(from.schedule) {}

  void run() {
    if (!passes().empty()) post(0);
    run_body(bodies_.index(BodyKind::kPrologue), 0);
    for (size_t k = 0; k < passes().size(); ++k) {
      const int microbatch = passes()[k].microbatch, body = body_of(passes()[k]);
      finish_sends(k, body, microbatch);
      if (k + 1 < passes().size()) post(k + 1);
      wait_for_receives(body, microbatch);
      run_body(body, microbatch);
      send(k, body, microbatch);
    }
    finish_sends(SIZE_MAX, -1, -1);
    run_body(bodies_.index(BodyKind::kEpilogue), 0);
    mark_first_and_last();
    for (size_t c = 0; c < lives().size(); ++c) program_.slot_classes[c].count = pool_.count(c);
  }

 private:
  // A send or receive under way.
  struct UnderWay {
    int action;
    LifePoint point;
    int microbatch;
    ValueId value;
    size_t end;  // of a send: the first pass that may wait for it
  };

  const std::vector<ScheduledPass>& passes() const {
    return from_.schedule.stages[static_cast<size_t>(program_.stage)];
  }
  const std::vector<SlotLife>& lives() const { return from_.slot_lives; }
  int body_of(const ScheduledPass& pass) const {
    return bodies_.index(kind_of(pass.kind), pass.chunk);
  }

  // The action waits for what was found to be needed since the one before.
  int add(LifePoint point, Action action) {
    for (size_t c = 0; c < lives().size(); ++c) {
      if (lives()[c].born == point && !pool_.holds(c, action.microbatch)) {
        pool_.take(c, action.microbatch);
      }
    }
    action.slots = pool_.held_by(action.microbatch);
    action.waits = std::move(waits_);
    waits_.clear();
    program_.actions.push_back(std::move(action));
    return static_cast<int>(program_.actions.size()) - 1;
  }

  void leave(LifePoint point, int microbatch) {
    for (size_t c = 0; c < lives().size(); ++c) {
      if (lives()[c].dies == point) pool_.give_back(c, microbatch);
    }
  }

  void run_body(int body, int microbatch) {
    Action action;
    action.body = from_.body_of[static_cast<size_t>(body)];
    action.microbatch = microbatch;
    if (action.body < 0) return;
    add({body, 1}, std::move(action));
    leave({body, 1}, microbatch);
  }

  BufferId buffer(ValueId value) const { return from_.buffer_of[static_cast<size_t>(value.index)]; }

  int communicate(ActionKind kind, const Transfer& transfer, int microbatch) {
    const bool receives = kind == ActionKind::kReceive;
    Action action;
    action.kind = kind;
    action.buffer = buffer(receives ? transfer.target : transfer.source);
    action.microbatch = microbatch;
    if (kind == ActionKind::kCopy) {
      action.target = buffer(transfer.target);
    } else {
      action.peer_stage = program_.pipeline.stage_of(receives ? transfer.from : transfer.to);
      action.stream = fmt::format("{}>{}", transfer.from, transfer.to);
    }
    return add({transfer.body, receives ? 0 : 2}, std::move(action));
  }

  void post(size_t pass) {
    const int body = body_of(passes()[pass]), microbatch = passes()[pass].microbatch;
    for (const Transfer& transfer : from_.stage.transfers) {
      if (transfer.body != body || transfer.sends) continue;
      const int action = communicate(ActionKind::kReceive, transfer, microbatch);
      receives_.push_back({action, {body, 0}, microbatch, transfer.target, 0});
    }
  }

  void wait_for_receives(int body, int microbatch) {
    std::erase_if(receives_, [&](const UnderWay& receive) {
      const bool here = receive.point.body == body && receive.microbatch == microbatch;
      if (here) waits_.push_back(receive.action);
      return here;
    });
  }

  void send(size_t pass, int body, int microbatch) {
    bool sends = false;
    for (const Transfer& transfer : from_.stage.transfers) {
      if (transfer.body != body || !transfer.sends) continue;
      const ActionKind kind = transfer.local ? ActionKind::kCopy : ActionKind::kSend;
      const int action = communicate(kind, transfer, microbatch);
      if (transfer.local) continue;
      sends = true;
      const size_t end = send_ends_.end(program_.stage, pass, transfer.to);
      sends_.push_back({action, {body, 2}, microbatch, transfer.source, end});
    }
    if (!sends) leave({body, 2}, microbatch);
  }

  // Before pass number `pass`: sends whose time it is are done, and those of what dies in `body`.
  void finish_sends(size_t pass, int body, int microbatch) {
    std::set<std::pair<LifePoint, int>> left;
    for (const UnderWay& send : sends_) {
      const bool dies = send.microbatch == microbatch && dies_in(send.value, body);
      if (dies || send.end <= pass) left.insert({send.point, send.microbatch});
    }
    std::erase_if(sends_, [&](const UnderWay& send) {
      const bool done = left.contains({send.point, send.microbatch});
      if (done) waits_.push_back(send.action);
      return done;
    });
    for (const auto& [point, of] : left) leave(point, of);
  }

  bool dies_in(ValueId value, int body) const {
    const Address& address = program_.buffer(buffer(value)).address;
    if (address.region != MemoryRegion::kSlot) return false;
    return lives()[static_cast<size_t>(address.slot_class)].dies == LifePoint{body, 1};
  }

  void mark_first_and_last() {
    std::vector<Action*> last(program_.bodies.size(), nullptr);
    for (Action& action : program_.actions) {
      if (action.kind != ActionKind::kRun) continue;
      Action*& latest = last[static_cast<size_t>(action.body)];
      action.first = latest == nullptr;
      latest = &action;
    }
    for (Action* action : last) {
      if (action != nullptr) action->last = true;
    }
  }

  Program& program_;
  const StageActions& from_;
  const StageBodies& bodies_;
  SlotPool pool_;
  SendEnds send_ends_;
  std::vector<UnderWay> receives_, sends_;
  std::vector<int> waits_;  // of the next action
};

std::string point_name(LifePoint point, const StageBodies& bodies, const Plan& plan) {
  const std::string body = body_name(bodies[point.body], plan);
  if (point.step == 0) return "recv." + body;
  return point.step == 2 ? "send." + body : body;
}

}  // namespace

std::string slot_name(const SlotLife& life, const StageBodies& bodies, const Plan& plan) {
  return point_name(life.born, bodies, plan) + "-" + point_name(life.dies, bodies, plan) +
         (life.offloaded ? ".offloaded" : "");
}

void add_actions(Program& program, const StageActions& from) { ActionList(program, from).run(); }

}  // namespace tutti
