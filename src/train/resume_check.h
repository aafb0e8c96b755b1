// Whether a config goes on with the run of a checkpoint, or would make it another run. Pure
// functions; thread-safe.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "train/config.h"

namespace tutti {

// `saved` is the config that the checkpoint of step `step` was made with. Refuses the first key
// that differs and that the losses depend on (model, data, seeds, batch, optim, precision,
// parallel), and a learning rate that the steps done did not have. train.steps may change: an
// optim.decay_steps that merely followed from it then stays what it was in `saved`, so that the
// rates of the run are one curve. What the losses do not depend on (log, checkpoint, run,
// evaluation, threads) may change too.
Status check_resume(const Config& saved, int64_t step, Config& config);

}  // namespace tutti
