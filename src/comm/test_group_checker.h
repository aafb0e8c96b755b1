// Makes calls on a communicator and compares what comes back with plain loops, bit for bit. All
// members of the group make the same calls of their checkers in the same order.
//
// Values are small integers that depend on rank, element and call, so that every order of adding
// gives the same bits in every dtype.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/communicator.h"

namespace tutti {

using Failures = std::vector<std::string>;

// Elements of a dtype.
class TestValues {
 public:
  TestValues(DType dtype, int64_t count)
      : dtype_(dtype), bytes_(static_cast<size_t>(count) * dtype_bytes(dtype)) {}

  void set(int64_t i, int value);
  void* data(int64_t from = 0) {
    return bytes_.data() + from * static_cast<int64_t>(dtype_bytes(dtype_));
  }
  friend bool operator==(const TestValues&, const TestValues&) = default;

 private:
  DType dtype_;
  std::vector<char> bytes_;
};

class GroupChecker {
 public:
  // `seed` is the same on all ranks.
  GroupChecker(Communicator& group, uint64_t seed, Failures& failures)
      : group_(group), seed_(seed), failures_(failures) {}

  // Every call once, or both in place and not.
  void every_call(int64_t count, DType dtype);
  void all_reduce(int64_t count, DType dtype, Reduce reduce, bool in_place);
  void reduce_scatter(int64_t count, DType dtype, Reduce reduce, bool in_place);
  void all_gather(int64_t count, DType dtype, bool in_place);
  void all_to_all(int64_t count, DType dtype);
  // Up to `count` elements for each pair.
  void all_to_all_v(int64_t count, DType dtype);
  void broadcast(int64_t count, DType dtype, int root);
  // From one rank to another; the others do nothing.
  void message(int64_t count, DType dtype, int from, int to);
  void ring(int64_t count, DType dtype, int steps);
  void barrier();

  // That the ranks together have sent what the calls so far cost. A call of its own.
  void bytes_on_the_wire();

 private:
  void next_call() { ++calls_; }
  // Element i of what rank `r` of the group gives in the present call.
  int given(DType dtype, int r, int64_t i) const;
  TestValues input(DType dtype, int r, int64_t count) const;
  int reduced(DType dtype, Reduce reduce, int64_t i) const;
  int64_t pair_count(int64_t count, int from, int to) const;
  void expect_cost(CallKind kind, int64_t count, DType dtype);
  void expect(const Status& status, TestValues& found, const TestValues& expected,
              const std::string& what);

  Communicator& group_;
  const uint64_t seed_;
  Failures& failures_;
  uint64_t calls_ = 0;
  WireCount cost_;  // of all ranks
};

}  // namespace tutti
