// The learning rate as a pure function of the step. Thread-safe: there is no state, so a resumed
// run needs nothing but the step number.
//
// Steps count from 0. Warm-up is linear and reaches the full rate in its last step: step s of w
// gets lr * (s + 1) / w. After it:
//   cosine    lr falls along half a cosine to min_lr within decay_steps, then stays there
//             (Loshchilov & Hutter, "SGDR", 2017, equation 5, one cycle);
//   linear    the same along a line;
//   wsd       lr stays, and falls along a line to min_lr within the last decay_steps of the run
//             (Hu et al., "MiniCPM", 2024, section 4: warm-up, stable, decay);
//   constant  lr stays.
#pragma once

#include <cstdint>

namespace tutti {

enum class LrShape { kCosine, kLinear, kWsd, kConstant };

struct LrSchedule {
  LrShape shape = LrShape::kCosine;
  double lr = 0;      // the highest rate
  double min_lr = 0;  // the rate at the end of the decay
  int64_t warmup_steps = 0;
  int64_t decay_steps = 0;  // the length of the decay, in steps
  int64_t total_steps = 0;  // of the run; only wsd looks at it
};

// Requires step >= 0 and sizes that are not negative.
double learning_rate(const LrSchedule& schedule, int64_t step);

}  // namespace tutti
