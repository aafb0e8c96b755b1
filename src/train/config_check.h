// Rules between the keys of a config. Thread-safe.
#pragma once

#include "base/status.h"
#include "train/config.h"

namespace tutti {

// Fills what follows from other keys: kv_heads, head_dim, global_batch, decay_steps, seeds, names.
void fill_derived(Config& config);

// Requires fill_derived. Messages give the numbers and what to set instead.
Status check_config(const Config& config);

}  // namespace tutti
