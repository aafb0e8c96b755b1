// Messages from one rank to another within a group, one at a time, in order.
//
// The sender posts a message and waits until it is taken; the receiver waits for it, checks that
// the calls match, and copies. The receiver alone moves data, so a rank that waits for a message
// does not keep another from taking what it has posted. One sending and one receiving thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "collective/call.h"
#include "comm/threads/gate.h"

namespace tutti {

class SharedWorld;

class Channel {
 public:
  Channel(SharedWorld& world, int from, int to) : world_(world), ranks_{from, to} {}

  // The sender's part: `data` must stay until await_taken() returns. Fails with the world's error.
  Status post(const Call& call, const void* data);
  Status await_taken(std::string_view group, int64_t number);
  // The receiver's part; count and dtype are those of `call`.
  Status take(const Call& call, std::string_view group, int64_t number, void* data);

  // For SharedWorld: at an error, and when a rank has left.
  void close();
  void nudge();

 private:
  enum class State : uint8_t {
    kEmpty,
    kPosted,
    kTaken,
    kWithdrawn,  // by the sender, after an error: for good
  };

  bool change(State from, State to) { return state_.compare_exchange_strong(from, to); }
  Status check(const Call& receive, std::string_view group, int64_t number) const;

  SharedWorld& world_;
  const std::array<int, 2> ranks_;  // of the world: from, to
  Gate posted_, done_;
  int64_t sent_ = 0;      // the sender's
  int64_t received_ = 0;  // the receiver's
  Call call_;
  const void* data_ = nullptr;
  bool refused_ = false;  // the last message, by the receiver
  std::atomic<State> state_ = State::kEmpty;
};

}  // namespace tutti
