#include "comm/threads/group.h"

#include <numeric>

#include "comm/call_check.h"
#include "comm/threads/shared_world.h"

namespace tutti {

Group::Group(SharedWorld& world, std::vector<int> ranks, std::string name)
    : world_(world),
      ranks_(std::move(ranks)),
      name_(std::move(name)),
      posts_(ranks_.size()),
      entered_(size()),
      left_(size()) {
  for (const int from : ranks_) {
    for (const int to : ranks_) channels_.push_back(std::make_unique<Channel>(world_, from, to));
  }
}

Status Group::enter(int member, int64_t number) {
  Post& mine = post(member);
  const int64_t round = mine.round + 1;
  mine.round = round;
  if (!entered_.try_advance()) return world_.failure();
  const auto has_come = [this, round](size_t i) { return posts_[i].round >= round; };
  TUTTI_TRY(world_.await(entered_, round * size(), {mine.call, name_, number, ranks_, has_come}));
  // All members find the same.
  const Status same = check_posts(number);
  if (same.ok()) return same;
  leave(member);
  return world_.fail(same);
}

void Group::leave(int member) {
  left_.advance();
  left_.await(post(member).round * size());
}

Channel& Group::channel(int from, int to) {
  return *channels_[static_cast<size_t>(from * size() + to)];
}

Status Group::check_posts(int64_t number) {
  const Post& first = posts_.front();
  for (size_t i = 1; i < posts_.size(); ++i) {
    if (posts_[i].call == first.call) continue;
    return calls_differ(name_, number, {ranks_[i], to_string(posts_[i].call)},
                        {ranks_[0], to_string(first.call)});
  }
  if (first.call.kind != CallKind::kAllToAllV) return {};
  for (size_t from = 0; from < posts_.size(); ++from) {
    for (size_t to = 0; to < posts_.size(); ++to) {
      const int64_t given = (*posts_[from].in_counts)[to];
      const int64_t expected = (*posts_[to].out_counts)[from];
      if (given == expected) continue;
      return invalid(
          "all_to_all_v of %{} (#{} of group {}): rank {} gives {} elements to rank {}, "
          "which expects {}",
          first.call.name, number, name_, ranks_[from], given, ranks_[to], expected);
    }
  }
  return {};
}

void Group::close() {
  entered_.close();
  for (auto& channel : channels_) channel->close();
}

void Group::nudge() {
  entered_.nudge();
  for (auto& channel : channels_) channel->nudge();
}

}  // namespace tutti
