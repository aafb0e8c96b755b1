// When what runs in lanes must be done: communication, and copies of what is offloaded. It starts
// where it stands in its body and runs beside the compute that follows; what touches its operands
// waits for it, and so does whoever takes over their memory.
//
// Instructions of one lane run in order; one that depends on another lane's waits within its own
// lane. An instruction of compute waits even where it then does not run (When).
#pragma once

#include <vector>

#include "program/program.h"

namespace tutti {

// Bytes [first, last) of a storage (any number).
struct Touched {
  Touched(int number) : storage(number) {}
  int storage = 0;
  int64_t first = 0, last = INT64_MAX;
};

// What an instruction reads and writes.
struct Access {
  std::vector<Touched> reads;
  std::vector<Touched> writes;
};

// Whether one of them writes what the other reads or writes.
bool conflict(const Access& a, const Access& b);

// Sets `waits` within body number `body` and `outlasts_body`, where `lasts` holds, by instruction,
// whether all of its storages last through the step. Returns, by instruction, the first one that
// starts only when it is done, or the number of instructions where that is at the body's end. What
// is in a lane and whose memory does not last is done `lag` blocks later at the latest.
std::vector<int> add_waits(Body& body, int number, const std::vector<Access>& accesses,
                           const std::vector<bool>& lasts, int lag);

// Sets the waits of instructions for what is in a lane and of another body, or of an earlier run of
// their own, and outlasts its body. By body and instruction.
void add_waits_across(Program& program, const std::vector<std::vector<Access>>& accesses);

}  // namespace tutti
