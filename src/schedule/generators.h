// Schedules made from the number of stages and microbatches. Pure functions; every result passes
// verify(). Require at least one stage, one microbatch and one chunk.
//
// "Holds" counts the microbatches whose activations a stage keeps at once (held_microbatches()).
#pragma once

#include "schedule/schedule.h"
#include "schedule/timeline.h"

namespace tutti {

// Every stage runs all forward passes, then all backward passes: each holds all microbatches at
// once (Huang et al. 2019, arXiv:1811.06965).
Schedule gpipe_schedule(int stages, int microbatches);

// As soon as a stage has a backward pass to run, it runs it, then one forward pass, and so on:
// stage s of n holds at most n - s microbatches (PipeDream-flush, Narayanan et al. 2021,
// arXiv:2104.04473).
Schedule one_forward_one_backward_schedule(int stages, int microbatches);

// The same with forward up to twice as far ahead: a stage then has its next microbatch before it is
// done with this one, and need not wait for messages or for a neighbour that is late now and then.
// Where nobody is late it takes as long. Stage s of n holds at most 2 (n - s) - 1 microbatches
// (Eager-1F1B of Zhuang et al. 2022, arXiv:2211.05322).
Schedule eager_1f1b_schedule(int stages, int microbatches);

// 1F1B over `chunks` chunks of each stage, in loops: the bubble is 1/chunks as large, messages
// are `chunks` times as many (ibid., section 2.2). Microbatches go through in groups of `stages`,
// the last of which may be smaller.
Schedule interleaved_schedule(int stages, int microbatches, int chunks);

// 1F1B with split backward, whose weight gradients fill the bubble at the end. Every stage holds at
// most n microbatches, what the first stage holds in 1F1B (ZB-H1 of Qi et al. 2023,
// arXiv:2401.10241, section 2.1).
Schedule zb_h1_schedule(int stages, int microbatches);

// As many forward passes ahead as fill the bubble at the begin, too: without a bubble when the
// three passes take equally long. Every stage holds at most 2 n - 1 microbatches (ZB-H2, ibid.).
Schedule zb_h2_schedule(int stages, int microbatches);

// Two chunks a stage, in a V, with split backward: every stage holds at most n microbatches, as in
// ZB-H1, and where the three passes take equally long and there are at least 2 n microbatches there
// is no bubble (ZB-V, ibid., section 6, and Qi et al. 2024, arXiv:2405.15362). For other times the
// order of F and Bi is the same; Bw is moved where that makes it shorter.
Schedule zbv_schedule(int stages, int microbatches, const PassTimes& times = {});

// DualPipe with both directions folded into a V (DualPipeV of DeepSeek-AI's DualPipe, after
// DeepSeek-AI 2024, arXiv:2412.19437, section 3.2.1): two chunks a stage; F of one microbatch and
// backward of another alternate, for the communication of each to run beside the other. Every stage
// holds at most n + 1/2 microbatches. It splits backward in warm-up and cool-down; elsewhere Bw is
// right behind Bi.
Schedule dualpipev_schedule(int stages, int microbatches);

// What a zero-bubble schedule is made for.
struct ZeroBubbleOptions {
  PassTimes times;
  double limit = 0;        // microbatches that a stage may hold; at least the number of stages
  double weight_part = 1;  // of a microbatch: what is held from Bi until Bw
};
// The shortest that is found within the limit: ZB-1p for limit = stages, ZB-2p for twice as many
// (ibid., section 3).
Schedule zero_bubble_schedule(int stages, int microbatches, const ZeroBubbleOptions& options);

}  // namespace tutti
