#include "program/actions.h"

#include <algorithm>
#include <map>

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

  int count(size_t slot_class) const { return static_cast<int>(used_[slot_class].size()); }

 private:
  std::vector<std::vector<bool>> used_;
  std::vector<std::map<int, int>> held_;  // class -> microbatch -> slot
};

class ActionList {
 public:
  ActionList(Program& program, const StageOps& stage, const BodyIndex& bodies,
             const std::vector<BufferId>& buffer_of, const std::vector<SlotLife>& lives)
      : program_(program),
        stage_(stage),
        bodies_(bodies),
        buffer_of_(buffer_of),
        lives_(lives),
        pool_(lives.size()) {}

  void run(const std::vector<ScheduledPass>& passes) {
    run_body(BodyKind::kPrologue, 0);
    for (const ScheduledPass& pass : passes) {
      const BodyKind kind = kind_of(pass.kind);
      communicate(kind, pass.microbatch, false);
      run_body(kind, pass.microbatch);
      communicate(kind, pass.microbatch, true);
    }
    run_body(BodyKind::kEpilogue, 0);
    mark_first_and_last();
    for (size_t c = 0; c < lives_.size(); ++c) program_.slot_classes[c].count = pool_.count(c);
  }

 private:
  void at_point(LifePoint point, Action action) {
    for (size_t c = 0; c < lives_.size(); ++c) {
      const bool again = pool_.held_by(action.microbatch)[c] >= 0;
      if (lives_[c].born == point && !again) pool_.take(c, action.microbatch);
    }
    action.slots = pool_.held_by(action.microbatch);
    program_.actions.push_back(std::move(action));
  }

  void leave_point(LifePoint point, int microbatch) {
    for (size_t c = 0; c < lives_.size(); ++c) {
      if (lives_[c].dies == point) pool_.give_back(c, microbatch);
    }
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

  void run_body(BodyKind kind, int microbatch) {
    const int body = bodies_[static_cast<size_t>(kind)];
    if (body < 0) return;
    Action action;
    action.body = body;
    action.microbatch = microbatch;
    at_point({kind, 1}, std::move(action));
    leave_point({kind, 1}, microbatch);
  }

  void communicate(BodyKind kind, int microbatch, bool sends) {
    const LifePoint point{kind, sends ? 2 : 0};
    bool any = false;
    for (const Transfer& transfer : stage_.transfers) {
      if (transfer.body != kind || transfer.sends != sends) continue;
      Action action;
      action.kind = sends ? ActionKind::kSend : ActionKind::kReceive;
      action.buffer = buffer_of_[static_cast<size_t>(transfer.value.index)];
      action.peer_stage = transfer.peer_stage;
      action.tag = transfer.tag;
      action.microbatch = microbatch;
      at_point(point, std::move(action));
      any = true;
    }
    if (any) leave_point(point, microbatch);
  }

  Program& program_;
  const StageOps& stage_;
  const BodyIndex& bodies_;
  const std::vector<BufferId>& buffer_of_;
  const std::vector<SlotLife>& lives_;
  SlotPool pool_;
};

std::string point_name(LifePoint point, bool split) {
  const std::string body = body_name(point.body, split);
  if (point.step == 0) return "recv." + body;
  return point.step == 2 ? "send." + body : body;
}

}  // namespace

std::string slot_name(const SlotLife& life, bool split_backward) {
  return point_name(life.born, split_backward) + "-" + point_name(life.dies, split_backward);
}

void add_actions(Program& program, const StageOps& stage, const std::vector<ScheduledPass>& passes,
                 const BodyIndex& bodies, const std::vector<BufferId>& buffer_of,
                 const std::vector<SlotLife>& slot_lives) {
  ActionList(program, stage, bodies, buffer_of, slot_lives).run(passes);
}

}  // namespace tutti
