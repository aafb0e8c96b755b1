// Writes samples and scalars where a program reads them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "execute/executor.h"
#include "train/config.h"

namespace tutti {

// Fills tokens[seq], labels[seq], positions[seq] and segments[seq] (empty when the program has
// none) of the sample that comes after `consumed` others.
using FillSample =
    std::function<void(int64_t consumed, std::span<int32_t> tokens, std::span<int32_t> labels,
                       std::span<int32_t> positions, std::span<int32_t> segments)>;

// Fills this rank's part of every microbatch of program `program` with the samples of `seq_len` tokens
// that follow after `consumed`, their positions in the order in which `seq_order` parts lie
// (collective/seq_order.h). Samples past `limit` (counted like `consumed`) become samples whose labels
// are ignored; returns the number of this rank's tokens that have a label.
int64_t fill_samples(const Executor& executor, size_t program, int64_t seq_len, int64_t seq_order,
                     const FillSample& fill, int64_t consumed, int64_t limit = INT64_MAX);

struct StepScalars {
  int64_t step = 1;     // of the run, from 1: keys dropout
  int64_t updates = 1;  // of the optimizer, this one included: steps that were not skipped
  double lr = 0;
};

void set_scalars(const Executor& executor, size_t program, const OptimSection& optim,
                 const StepScalars& scalars);

}  // namespace tutti
