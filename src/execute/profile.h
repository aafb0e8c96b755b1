// Where a step's time goes: seconds by op, with the rates that its kernel reached and its distance
// from the roofline. Not thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ops/op_def.h"
#include "program/program.h"

namespace tutti {

class Profile {
 public:
  void add(const Program& program, size_t body, size_t instruction, double seconds);
  // Counts one more step of the program that was run.
  void step() { ++steps_; }

  struct Row {
    std::string op;         // kind and body, "linear B"
    double seconds = 0;     // of all steps
    double share = 0;       // of the whole time
    int64_t calls = 0;
    double flops = 0;
    double bytes = 0;       // operands, each read or written once
  };
  // By time, longest first.
  std::vector<Row> rows() const;
  double seconds() const;
  int64_t steps() const { return steps_; }

 private:
  std::map<std::string, Row> rows_;
  int64_t steps_ = 0;
};

// A table for people: share, time a step, GFLOP/s, GB/s, and how far from the faster bound of
// `matrix_flops_per_s` and `memory_bytes_per_s` (1 is on the roofline; 0 peaks leave it out).
std::string format_profile(const Profile& profile, double matrix_flops_per_s,
                           double memory_bytes_per_s);

}  // namespace tutti
