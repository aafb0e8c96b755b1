#include "comm/threads/channel.h"

#include <cstring>

#include "comm/call_check.h"
#include "comm/threads/shared_world.h"

namespace tutti {

Status Channel::post(const Call& call, const void* data) {
  if (state_ == State::kWithdrawn) return world_.failure();
  call_ = call;
  data_ = data;
  state_ = State::kPosted;
  ++sent_;
  return posted_.try_advance() ? Status() : world_.failure();
}

Status Channel::await_taken(std::string_view group, int64_t number) {
  const auto has_come = [](size_t i) { return i == 0; };
  const Status status = world_.await(done_, sent_, {call_, group, number, ranks_, has_come});
  if (!status.ok() && change(State::kPosted, State::kWithdrawn)) return status;
  done_.await(sent_);  // after an error it may still be read
  return refused_ ? world_.failure() : Status();
}

Status Channel::take(const Call& call, std::string_view group, int64_t number, void* data) {
  const int64_t message = ++received_;
  const auto has_come = [&](size_t i) { return i == 1 || posted_.reached(message); };
  TUTTI_TRY(world_.await(posted_, message, {call, group, number, ranks_, has_come}));
  if (!change(State::kPosted, State::kTaken)) return world_.failure();
  Status status = check(call, group, number);
  refused_ = !status.ok();
  if (refused_) status = world_.fail(status);
  const size_t bytes = static_cast<size_t>(call.count) * dtype_bytes(call.dtype);
  if (!refused_ && bytes > 0) std::memcpy(data, data_, bytes);
  state_ = State::kEmpty;
  done_.advance();
  return status;
}

Status Channel::check(const Call& receive, std::string_view group, int64_t number) const {
  const bool same =
      call_.dtype == receive.dtype && call_.count == receive.count && call_.name == receive.name;
  if (same) return {};
  return calls_differ(group, number, {ranks_[1], to_string(receive)},
                      {ranks_[0], to_string(call_)});
}

void Channel::close() {
  posted_.close();
  done_.close();
}

void Channel::nudge() {
  posted_.nudge();
  done_.nudge();
}

}  // namespace tutti
