// Requests to stop. While a StopSignal lives, SIGINT and SIGTERM set a flag instead of ending the
// process, so that a run can finish its step and write a checkpoint. A second SIGINT ends the
// process at once: whoever presses Ctrl-C twice means it.
#pragma once

#include <csignal>

namespace tutti {

// One at a time in a process. The handlers that were there before come back at destruction.
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
};

}  // namespace tutti
