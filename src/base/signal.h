// Requests to stop. While a StopSignal lives, SIGINT and SIGTERM set a flag instead of ending the
// process, so that a run can finish its step and write a checkpoint. A second SIGINT ends the
// process at once: whoever presses Ctrl-C twice means it.
//
// A thread of its own waits for them; the thread that makes the object, and those that it starts
// from then on, do not take them. A handler's frame on the stack of a thread in the middle of
// oneDNN's generated code left the heap corrupt after one signal in fifty; on a stack of its own it
// never did. So make the object before the first use of kernels.
#pragma once

#include <csignal>
#include <thread>

namespace tutti {

// One at a time in a process. The handlers and the mask that were there before come back at
// destruction.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // The signal that came first, or 0. May be asked from any thread.
  int caught() const;
  bool requested() const { return caught() != 0; }

 private:
  struct sigaction interrupt_before_;
  struct sigaction terminate_before_;
  sigset_t mask_before_;
  std::thread waiter_;
};

}  // namespace tutti
