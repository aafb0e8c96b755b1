#include "progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/format.h"
#include "base/log.h"

namespace tutti {
namespace {

constexpr double kBarSeconds = 0.1;
constexpr double kLineSeconds = 5;
constexpr int kBarWidth = 24;

std::string amount(uint64_t value, bool bytes) {
  return bytes ? human_bytes(value) : human_count(static_cast<double>(value));
}

std::string bar(double part) {
  const int full = static_cast<int>(part * kBarWidth);
  return "[" + std::string(full, '#') + std::string(kBarWidth - full, '.') + "]";
}

}  // namespace

Progress::Progress() : clock_(make_system_clock()), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (drawn_) std::fputc('\n', stderr);
}

void Progress::show(const std::string& phase, uint64_t done, uint64_t total, bool bytes) {
  const double now = clock_->monotonic_s();
  if (phase != phase_) {
    if (drawn_) std::fputc('\n', stderr);
    drawn_ = false;
    phase_ = phase;
    phase_start_s_ = now;
    phase_start_done_ = done;
    shown_s_ = terminal_ ? 0 : now;
  }
  if (now - shown_s_ < (terminal_ ? kBarSeconds : kLineSeconds)) return;
  shown_s_ = now;
  // Decompressed text outgrows its file: the total is a guide, not a promise.
  const double part = total == 0 ? 0 : std::min(1.0, static_cast<double>(done) / total);
  const double seconds = now - phase_start_s_;
  const double rate_now = seconds > 0 ? static_cast<double>(done - phase_start_done_) / seconds : 0;
  const std::string rate = amount(static_cast<uint64_t>(rate_now), bytes);
  const std::string line = fmt::format("{:<16} {} {:3.0f} %  {}  {}/s", phase, bar(part),
                                       100 * part, amount(done, bytes), rate);
  if (terminal_) {
    fmt::print(stderr, "\r{}\033[K", line);
    std::fflush(stderr);
    drawn_ = true;
  } else {
    log_info("{}", line);
  }
}

}  // namespace tutti
