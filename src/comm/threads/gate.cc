#include "comm/threads/gate.h"

#include <algorithm>
#include <chrono>
#include <thread>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace tutti {
namespace {

constexpr int kSpins = 100;            // of some 50 ns
constexpr int kYields = 30;            // then sleep, which costs others a system call
constexpr double kTimeoutMax_s = 1e8;  // what a condition variable can count

void pause_core() {
#ifdef __SSE2__
  _mm_pause();
#endif
}

}  // namespace

void Gate::advance() { step(false); }

bool Gate::try_advance() { return step(true); }

bool Gate::step(bool unless_closed) {
  int64_t steps = 0;
  {
    const std::lock_guard lock(mutex_);
    if (unless_closed && closed_) return false;
    steps = steps_.load(std::memory_order_relaxed) + 1;
    steps_.store(steps, std::memory_order_release);
  }
  if (steps % stride_ == 0) changed_.notify_all();
  return true;
}

bool Gate::spin(int64_t steps) const {
  for (int i = 0; i < kSpins; ++i) {
    if (reached(steps)) return true;
    pause_core();
  }
  for (int i = 0; i < kYields; ++i) {
    std::this_thread::yield();
    if (reached(steps)) return true;
  }
  return false;
}

void Gate::await(int64_t steps) {
  if (spin(steps)) return;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return reached(steps); });
}

Gate::Wait Gate::await(int64_t steps, double timeout_s, const std::function<bool()>& hopeless) {
  if (spin(steps)) return Wait::kReached;
  const std::chrono::duration<double> timeout(std::min(timeout_s, kTimeoutMax_s));
  std::unique_lock lock(mutex_);
  const bool ended =
      changed_.wait_for(lock, timeout, [&] { return reached(steps) || closed_ || hopeless(); });
  if (reached(steps)) return Wait::kReached;
  return ended ? Wait::kGaveUp : Wait::kTimeout;
}

void Gate::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void Gate::nudge() {
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

}  // namespace tutti
