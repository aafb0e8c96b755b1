// Time, as an interface: simulated runs and tests use virtual time.
#pragma once

#include <cstdint>
#include <memory>

namespace tutti {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual double monotonic_s() = 0;  // seconds since an arbitrary start; never goes back
  virtual double wall_s() = 0;       // seconds since 1970-01-01 UTC
  virtual void sleep_s(double seconds) = 0;
};

std::unique_ptr<Clock> make_system_clock();

// A clock that moves only when told to (sleep_s moves it too). Not thread-safe.
class VirtualClock : public Clock {
 public:
  double monotonic_s() override { return now_s_; }
  double wall_s() override { return now_s_; }
  void sleep_s(double seconds) override { now_s_ += seconds; }
  void advance_s(double seconds) { now_s_ += seconds; }

 private:
  double now_s_ = 0;
};

}  // namespace tutti
