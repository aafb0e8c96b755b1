#include "comm/mpi/mpi_context.h"

#include <sched.h>

#include <algorithm>
#include <optional>

#include "base/format.h"
#include "comm/lane.h"
#include "comm/members.h"

namespace tutti {
namespace {

// Data that nobody waits for yet moves with pauses, which leave the core to compute.
constexpr int kPollsBeforeSleep = 20;
constexpr double kPollSleep_s = 50e-6;
// Data that somebody waits for has moved by then, unless the rank that it comes from has no core:
// then this one's is worth more to it.
constexpr double kPollMax_s = 1e-3;
constexpr double kAskTime_s = 0.8;
// How long a call of a rank that another rank's abort() ends waits for that end.
constexpr double kEndTime_s = 5;

// Pauses between polls: none, then the core is offered to others, then sleeps that grow with the
// time waited. A rank that waits for long, while others write a file or a driver thinks, so costs
// next to nothing, and comes late by a thousandth of its wait.
class Backoff {
 public:
  explicit Backoff(Clock& clock) : clock_(clock) {}

  void pause(double waited_s) {
    constexpr int kSpins = 64;
    constexpr double kYieldMax_s = 100e-6;
    constexpr double kShortSleepMax_s = 200e-6, kSleepMax_s = 10e-3;
    ++pauses_;
    if (pauses_ <= kSpins) return;
    if (waited_s < kYieldMax_s) {
      sched_yield();
      return;
    }
    clock_.sleep_s(sleep_s_);
    const double longest_s = std::clamp(waited_s * 1e-3, kShortSleepMax_s, kSleepMax_s);
    sleep_s_ = std::min(longest_s, sleep_s_ * 1.5);
  }

 private:
  Clock& clock_;
  int pauses_ = 0;
  double sleep_s_ = 1e-6;
};

// A call that does not name the rank that it needs, nor looks like the other rank's.
bool is_message(CallKind kind) {
  return kind == CallKind::kSend || kind == CallKind::kReceive || kind == CallKind::kSendReceive;
}

}  // namespace

MpiContext::MpiContext(const WorldOptions& options, int64_t message_bytes_max)
    : options(options),
      message_bytes_max(message_bytes_max),
      clock(make_system_clock()),
      recorder(options.recorded_calls, *clock) {}

Status MpiContext::wait(const MpiPendingCall& pending, Pace pace, const Poll& poll) {
  Backoff backoff(*clock);
  // Who is missing is asked shortly before the end, so that the answers are there by then.
  const double ask_s = options.timeout_s - std::min(kAskTime_s, options.timeout_s / 4);
  std::optional<Error> missing;
  int polls = 0;
  const double first_poll_s = clock->monotonic_s();
  while (true) {
    TUTTI_ASSIGN(const bool done, poll());
    if (done) return {};
    if (failed_) return failure();
    const double now_s = clock->monotonic_s(), waited_s = now_s - pending.begin_s;
    if (waited_s > ask_s && !missing) {
      missing = missing_ranks(pending);
    } else if (waited_s > options.timeout_s) {
      return *missing;
    } else if (pace == Pace::kSleep) {
      backoff.pause(waited_s);
    } else if (++polls < kPollsBeforeSleep ||
               (Lane::is_awaited() && now_s - first_poll_s < kPollMax_s)) {
      sched_yield();
    } else {
      clock->sleep_s(kPollSleep_s);
    }
  }
}

Status MpiContext::fail(const Status& cause) {
  const std::lock_guard lock(mutex_);
  if (failure_.ok()) failure_ = cause;
  failed_ = true;
  return failure_;
}

Status MpiContext::failure() {
  if (!failed_) return {};
  if (ended_by_other_) clock->sleep_s(kEndTime_s);
  const std::lock_guard lock(mutex_);
  return failure_;
}

void MpiContext::end_by_other(const std::string& cause) {
  ended_by_other_ = true;
  (void)fail(Error{ErrorKind::kUnavailable, cause});
}

// Asks all ranks of the world, for one that the missing ones wait for may be the one that is gone.
Error MpiContext::missing_ranks(const MpiPendingCall& pending) {
  const auto answers = watch->ask(pending.call, pending.group);
  const bool together = !is_message(pending.call.kind);
  std::vector<int> present, missing;
  std::string where;
  for (size_t i = 0; i < answers.size(); ++i) {
    const int rank = static_cast<int>(i);
    const bool needed = std::count(pending.others.begin(), pending.others.end(), rank) > 0;
    const bool here = needed && together && answers[i] && answers[i]->in_call;
    if (here || rank == watch->rank()) {
      present.push_back(rank);
    } else if (needed) {
      missing.push_back(rank);
    }
    if (!answers[i]) {
      where += fmt::format("; rank {} does not answer: it is stopped, or dead, or its host is ({})",
                           rank, processes[i]);
    } else if (needed && !here) {
      where += fmt::format("; rank {}, {}", rank, answers[i]->text);
    }
  }
  return error(ErrorKind::kUnavailable, "{} (#{} of group {}): {} waited {} for {}{}",
               to_string(pending.call), pending.number, pending.group, ranks_text(present),
               human_duration(options.timeout_s), missing.empty() ? "data" : ranks_text(missing),
               where);
}

}  // namespace tutti
