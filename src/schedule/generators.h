// Schedules made from the number of stages and microbatches. Pure functions; every result passes
// verify(). Require at least one stage and one microbatch.
#pragma once

#include "schedule/schedule.h"

namespace tutti {

// Every stage runs all forward passes, then all backward passes: each holds all microbatches at
// once (Huang et al. 2019, arXiv:1811.06965).
Schedule gpipe_schedule(int stages, int microbatches);

// As soon as a stage has a backward pass to run, it runs it, then one forward pass, and so on:
// stage s of n holds at most n - s microbatches (PipeDream-flush, Narayanan et al. 2021,
// arXiv:2104.04473).
Schedule one_forward_one_backward_schedule(int stages, int microbatches);

}  // namespace tutti
