#include "train_progress.h"

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

#include "base/format.h"

namespace tutti {
namespace {

constexpr double kRedrawSeconds = 0.1;

std::string z_text(const std::optional<double>& z) {
  return z ? fmt::format(" (z {:+.1f})", *z) : "";
}

// step 120/300  loss 4.1234 (z -0.4)  grad 0.812 (z +0.1)  lr 5.0e-04  12.3k tok/s  61 % of peak
// 1.46 GiB  ETA 2 min 3 s
std::string step_line(const StepReport& report) {
  const StepRecord& record = report.record;
  std::string line =
      fmt::format("step {}/{}  loss {:.4f}{}  grad {:.3f}{}  lr {:.1e}  {} tok/s", record.step,
                  report.steps, record.loss, z_text(record.loss_z), record.grad_norm,
                  z_text(report.grad_norm_z), record.lr, human_count(record.tokens_per_s));
  if (record.mfu) line += fmt::format("  {:.0f} % of peak", 100 * *record.mfu);
  line += fmt::format("  {}  ETA {}", human_bytes(peak_resident_bytes()),
                      human_duration(report.remaining_s));
  if (record.val_loss) line += fmt::format("  val_loss {:.4f}", *record.val_loss);
  if (record.skipped) line += "  SKIPPED: the gradient is not finite";
  return line;
}

// A line that is redrawn must not wrap, or its first row would stay behind.
std::string fitted(std::string line) {
  struct winsize size = {};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  if (known && line.size() >= size.ws_col) line.resize(size.ws_col - 1);  // it is ASCII
  return line;
}

}  // namespace

TrainProgress::TrainProgress(int64_t log_every)
    : clock_(make_system_clock()), log_every_(log_every), terminal_(::isatty(STDERR_FILENO) == 1) {}

TrainProgress::~TrainProgress() { clear_line(); }

void TrainProgress::clear_line() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
  drawn_ = false;
}

void TrainProgress::stepped(const StepReport& report) {
  const StepRecord& record = report.record;
  // What a reader must not miss is a line of its own whenever it happens.
  const bool full = record.step % log_every_ == 0 || record.step == report.steps ||
                    record.val_loss || record.skipped;
  if (full) {
    clear_line();
    fmt::print(stderr, "{}\n", step_line(report));
    return;
  }
  const double now = clock_->monotonic_s();
  if (!terminal_ || (drawn_ && now - drawn_s_ < kRedrawSeconds)) return;
  fmt::print(stderr, "\r{}\033[K", fitted(step_line(report)));
  std::fflush(stderr);
  drawn_ = true;
  drawn_s_ = now;
}

uint64_t peak_resident_bytes() {
  struct rusage usage = {};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;  // in KiB on Linux
}

}  // namespace tutti
