#include "base/signal.h"

#include <unistd.h>

#include <atomic>

#include "base/status.h"

namespace tutti {
namespace {

// A handler has no context but the process, so these are the process's.
std::atomic<int> caught_signal = 0;
std::atomic<bool> installed = false;
std::atomic<bool> ending = false;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may not take a lock");

// False when it is not the first.
bool note(int signal) {
  int none = 0;
  return caught_signal.compare_exchange_strong(none, signal);
}

// Runs only in threads that were there before the object was: they do not block the signals, and
// the default would end the process. It also lets a signal come that the parent had ignored.
void handle(int signal) { note(signal); }

void install(int signal, int flags, struct sigaction* before) {
  struct sigaction action = {};
  action.sa_handler = handle;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  TUTTI_CHECK(sigaction(signal, &action, before) == 0, "signal {}", signal);
}

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

void wait_for_signals() {
  const sigset_t signals = stop_signals();
  for (int signal = 0; sigwait(&signals, &signal) == 0 && !ending;) {
    if (note(signal) || signal != SIGINT) continue;
    std::signal(SIGINT, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    kill(getpid(), SIGINT);
  }
}

}  // namespace

StopSignal::StopSignal() {
  TUTTI_CHECK(!installed.exchange(true), "two StopSignal objects at once");
  caught_signal = 0;
  ending = false;
  install(SIGINT, SA_RESTART | static_cast<int>(SA_RESETHAND), &interrupt_before_);
  install(SIGTERM, SA_RESTART, &terminate_before_);
  const sigset_t signals = stop_signals();
  TUTTI_CHECK(pthread_sigmask(SIG_BLOCK, &signals, &mask_before_) == 0, "blocking signals");
  waiter_ = std::thread(wait_for_signals);
}

StopSignal::~StopSignal() {
  ending = true;
  pthread_kill(waiter_.native_handle(), SIGTERM);
  waiter_.join();
  sigaction(SIGINT, &interrupt_before_, nullptr);
  sigaction(SIGTERM, &terminate_before_, nullptr);
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  installed = false;
}

int StopSignal::caught() const { return caught_signal.load(std::memory_order_relaxed); }

}  // namespace tutti
