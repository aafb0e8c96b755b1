// How far a long piece of work is, on standard error: a line that redraws itself on a terminal, a
// line every few seconds elsewhere. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"

namespace tutti {

class Progress {
 public:
  Progress();
  ~Progress();  // ends the line

  // `phase` done of total; "12.3 MiB" where `bytes`, else a count. Total 0: not known.
  void show(const std::string& phase, uint64_t done, uint64_t total, bool bytes);

 private:
  std::unique_ptr<Clock> clock_;
  bool terminal_;
  bool drawn_ = false;
  std::string phase_;
  double phase_start_s_ = 0;
  uint64_t phase_start_done_ = 0;  // what a run before had done: it says nothing of the rate
  double shown_s_ = 0;
};

}  // namespace tutti
