// Runs a graph op by op on a backend, each value in memory of its own: the plainest executor there
// can be, for tests.
//
// Memory starts as NaN (every byte 0xff), so that what nobody wrote is seen, and is followed by
// bytes that nobody may write, which in_bounds() looks at.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "kernels/backend.h"

namespace tutti {

// Bytes at a multiple of 64, all 0xff, with a guard behind them.
class GuardedMemory {
 public:
  explicit GuardedMemory(size_t bytes);
  std::byte* data() { return memory_.data() + begin_; }
  bool intact() const;

 private:
  size_t bytes_, begin_;
  std::vector<std::byte> memory_;
};

// Only the elements [begin, end) of a dim take part.
struct DimRange {
  std::string dim;
  int64_t begin, end;
};

class GraphRunner {
 public:
  // A rank whose coordinate is `coordinate` on every axis that cuts a value. `graph` and `backend`
  // must outlive the runner.
  GraphRunner(const Graph& graph, const Backend& backend, int threads = 1,
              std::optional<DimRange> range = std::nullopt, int64_t coordinate = 0);

  GraphRunner(GraphRunner&&) = default;
  GraphRunner(const GraphRunner&) = delete;  // operands point into the memory

  const Operand& operand(ValueId id) const { return operands_[static_cast<size_t>(id.index)]; }
  template <typename T>
  std::span<T> elements(ValueId id) {
    return {operand(id).as<T>(), static_cast<size_t>(operand(id).count())};
  }
  std::vector<std::byte> bytes(ValueId id) const;
  // The elements as doubles, whatever their dtype.
  std::vector<double> values(ValueId id) const;

  // Fills a value with the same elements of another runner of the graph, that has at least them.
  void take(const GraphRunner& from, ValueId id);
  // From now on `id` lies where `other` lies.
  void overlay(ValueId id, ValueId other);

  // `accumulate`: outputs that an op can add to are added to, all of them.
  void run(bool accumulate = false, int64_t microbatch = 0);
  bool in_bounds() const;

 private:
  void run_op(const Op& op, bool accumulate, int64_t microbatch);

  const Graph& graph_;
  const Backend& backend_;
  int threads_;
  int64_t coordinate_;
  std::vector<Operand> operands_;
  std::vector<GuardedMemory> memory_;
  bool workspaces_intact_ = true;
};

// The elements of `whole` that `part` covers, by their offsets and sizes, in order.
std::vector<std::byte> part_of(const Operand& whole, const Operand& part);

}  // namespace tutti
