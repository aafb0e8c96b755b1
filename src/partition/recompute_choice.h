// Which forward ops backward repeats, so that their results need not be kept: by policy, or the
// cheapest set that fits a limit of bytes. Pure functions.
//
// Backward needs some values of forward (the stash). Instead of keeping one, it can run the op that
// made it again, from what is kept or repeated itself. Views are always repeated, and cheap ops
// (norms, activations) where that needs nothing more to be kept; of these the first output, the
// others (statistics) are small. A value that another block reads is kept.
#pragma once

#include <cstdint>
#include <vector>

#include "partition/pass.h"

namespace tutti {

// A way to run one block: which ops are repeated, and what that takes.
struct BlockChoice {
  std::vector<bool> repeated;  // by forward op of the block, in order
  int64_t bytes = 0;           // that one microbatch keeps for backward
  double cost = 0;             // of what is repeated, in floating-point operations
};

// The forward ops of one block at one position, with what their values take on one rank.
struct ForwardBlock {
  struct ForwardOp {
    size_t op = 0;            // in the graph
    std::vector<int> inputs;  // makers within the block, by place in `ops`; others are always there
    int64_t bytes = 0;        // of its outputs
    double cost = 0;
    bool needed = false;        // read by backward
    bool needed_apart = false;  // by weight gradients that run apart
    // Read by another block's forward, sent, or a gradient on its way to an accumulator: never
    // repeated.
    bool boundary = false;
    bool view = false;  // always repeated: what is gathered for a reader is never kept
    bool cheap = false;
    bool attention = false;
  };
  std::vector<ForwardOp> ops;
  int block = 0;
  int position = 0;  // kEveryStage without a pipeline
  // What is repeated for input gradients waits for weight gradients that run apart: the part of it
  // that counts as kept.
  double apart = 0;
};

std::vector<ForwardBlock> forward_blocks(const Graph& graph, const PassContext& context);

// `repeats` says which ops beyond those that are repeated anyway; what nothing needs again is not.
BlockChoice choose(const ForwardBlock& block, const std::vector<bool>& repeats);

// All ways that are not worse than another in both bytes and cost, fewest bytes last.
std::vector<BlockChoice> frontier(const ForwardBlock& block);

// One way for each block, by block, of least cost with at most `bytes` in all: exact over the ways
// of frontier(). An error says how many bytes are the fewest.
Result<std::vector<BlockChoice>> fit(const std::vector<ForwardBlock>& blocks, int64_t bytes);

// By op of the graph: whether backward repeats it, by the plan.
Result<std::vector<bool>> repeated_ops(const Graph& graph, const PassContext& context);

}  // namespace tutti
