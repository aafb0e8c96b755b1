#include "base/signal.h"

#include <atomic>

#include "base/status.h"

namespace tutti {
namespace {

// A handler has no context but the process, so these are the process's.
std::atomic<int> caught_signal = 0;
std::atomic<bool> installed = false;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may not take a lock");

void handle(int signal) {
  int none = 0;
  caught_signal.compare_exchange_strong(none, signal);
}

void install(int signal, int flags, struct sigaction* before) {
  struct sigaction action = {};
  action.sa_handler = handle;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  TUTTI_CHECK(sigaction(signal, &action, before) == 0, "signal {}", signal);
}

}  // namespace

StopSignal::StopSignal() {
  TUTTI_CHECK(!installed.exchange(true), "two StopSignal objects at once");
  caught_signal = 0;
  install(SIGINT, SA_RESTART | static_cast<int>(SA_RESETHAND), &interrupt_before_);
  install(SIGTERM, SA_RESTART, &terminate_before_);
}

StopSignal::~StopSignal() {
  sigaction(SIGINT, &interrupt_before_, nullptr);
  sigaction(SIGTERM, &terminate_before_, nullptr);
  installed = false;
}

int StopSignal::caught() const { return caught_signal.load(std::memory_order_relaxed); }

}  // namespace tutti
