#include "base/clock.h"

#include <chrono>
#include <thread>

namespace tutti {
namespace {

template <typename C>
double seconds_now() {
  return std::chrono::duration<double>(C::now().time_since_epoch()).count();
}

class SystemClock : public Clock {
 public:
  double monotonic_s() override { return seconds_now<std::chrono::steady_clock>(); }
  double wall_s() override { return seconds_now<std::chrono::system_clock>(); }
  void sleep_s(double seconds) override {
    if (seconds > 0) std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  }
};

}  // namespace

std::unique_ptr<Clock> make_system_clock() { return std::make_unique<SystemClock>(); }

}  // namespace tutti
