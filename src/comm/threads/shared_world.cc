#include "comm/threads/shared_world.h"

#include <algorithm>

#include "base/format.h"
#include "comm/members.h"
#include "comm/threads/group.h"

namespace tutti {

SharedWorld::SharedWorld(int ranks, const WorldOptions& options, Clock& clock)
    : timeout_s_(options.timeout_s) {
  TUTTI_CHECK(ranks >= 1, "ranks = {}", ranks);
  for (int i = 0; i < ranks; ++i) {
    members_.push_back(std::make_unique<Member>(options.recorded_calls, clock));
  }
}

SharedWorld::~SharedWorld() = default;

Result<Group*> SharedWorld::join(int rank, const std::vector<int>& ranks, const std::string& name) {
  TUTTI_TRY(check_members(rank, ranks, size(), name));
  Group* group = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) return failure_;
    std::vector<std::unique_ptr<Group>>& groups = groups_[ranks];
    const size_t index = members_[static_cast<size_t>(rank)]->joined[ranks]++;
    if (index == groups.size()) groups.push_back(std::make_unique<Group>(*this, ranks, name));
    group = groups[index].get();
  }
  if (group->name() == name) return group;
  return fail(invalid("rank {} creates group {} of {}, another rank creates group {} of them", rank,
                      name, ranks_text(ranks), group->name()));
}

Status SharedWorld::fail(const Status& cause) {
  const std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  failure_ = cause;
  for (auto& [ranks, groups] : groups_) {
    for (auto& group : groups) group->close();
  }
  return failure_;
}

Status SharedWorld::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void SharedWorld::leave(int rank) {
  members_[static_cast<size_t>(rank)]->gone = true;
  const std::lock_guard lock(mutex_);
  for (auto& [ranks, groups] : groups_) {
    for (auto& group : groups) group->nudge();
  }
}

Status SharedWorld::await(Gate& gate, int64_t steps, const WaitingCall& waiting) {
  const Gate::Wait wait = gate.await(steps, timeout_s_, [&] { return is_hopeless(waiting); });
  if (wait == Gate::Wait::kReached) return {};
  const Status failure = fail(missing_ranks(waiting, wait == Gate::Wait::kTimeout));
  return gate.reached(steps) ? Status() : failure;
}

bool SharedWorld::is_hopeless(const WaitingCall& waiting) const {
  for (size_t i = 0; i < waiting.ranks.size(); ++i) {
    const Member& member = *members_[static_cast<size_t>(waiting.ranks[i])];
    // In this order: a rank that came and then left has come.
    if (member.gone && !waiting.has_come(i)) return true;
  }
  return false;
}

Error SharedWorld::missing_ranks(const WaitingCall& waiting, bool timed_out) {
  std::vector<int> present, missing;
  for (size_t i = 0; i < waiting.ranks.size(); ++i) {
    (waiting.has_come(i) ? present : missing).push_back(waiting.ranks[i]);
  }
  const std::string waited =
      timed_out ? fmt::format("waited {}", human_duration(timeout_s_)) : "cannot wait";
  std::string text =
      fmt::format("{} (#{} of group {}): {} {} for {}", to_string(waiting.call), waiting.number,
                  waiting.group, ranks_text(present), waited, ranks_text(missing));
  for (const int rank : missing) {
    const Member& member = *members_[static_cast<size_t>(rank)];
    text += fmt::format("; rank {}{}, {}", rank, member.gone ? " has left" : "",
                        member.recorder.describe());
  }
  return Error{ErrorKind::kUnavailable, std::move(text)};
}

}  // namespace tutti
