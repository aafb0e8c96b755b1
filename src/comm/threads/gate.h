// A count of steps that threads wait for: the one way in which ranks in a process wait.
//
// Waits are for multiples of `stride` steps. Thread-safe. A waiter spins briefly, yields, then
// sleeps: ranks may outnumber cores. What a thread wrote before advance() is seen by those whose
// wait it ended.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace tutti {

class Gate {
 public:
  enum class Wait { kReached, kGaveUp, kTimeout };

  explicit Gate(int64_t stride = 1) : stride_(stride) {}

  // One step more.
  void advance();
  // The same unless the gate is closed: then false, and no step.
  bool try_advance();
  bool reached(int64_t steps) const { return steps_.load(std::memory_order_acquire) >= steps; }
  // Blocks until `steps` are reached, whether or not the gate is closed.
  void await(int64_t steps);
  // The same, but no longer than `timeout_s`, and giving up when the gate is closed or
  // `hopeless()`, which is asked at first and at each nudge(). The steps may be reached right
  // afterwards; where all take them by try_advance(), what reached() says after close() is final.
  Wait await(int64_t steps, double timeout_s, const std::function<bool()>& hopeless);
  // Waiters that may give up do, from now on.
  void close();
  void nudge();

 private:
  bool step(bool unless_closed);
  bool spin(int64_t steps) const;

  const int64_t stride_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<int64_t> steps_ = 0;  // written under the mutex
  bool closed_ = false;
};

}  // namespace tutti
