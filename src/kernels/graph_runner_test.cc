#include "kernels/graph_runner_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "ops/op_def.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

constexpr std::byte kUnwritten{0xff};
constexpr size_t kAlignment = 64;
constexpr size_t kGuardBytes = 64;

Operand make_operand(const Value& value, const std::optional<DimRange>& range, int64_t coordinate) {
  Operand operand;
  operand.dtype = value.type.dtype;
  operand.sizes = local_sizes(value);
  for (size_t d = 0; d < value.type.dims.size(); ++d) {
    const Dim& dim = value.type.dims[d];
    operand.dims.push_back(dim.name);
    operand.global_sizes.push_back(dim.size);
    const bool cut = operand.sizes[d] != dim.size;
    operand.offsets.push_back(cut ? coordinate * operand.sizes[d] : 0);
    if (range && range->dim == dim.name) {
      operand.offsets[d] += range->begin;
      operand.sizes[d] = range->end - range->begin;
    }
  }
  return operand;
}

double as_double(const Operand& operand, int64_t i) {
  switch (operand.dtype) {
    case DType::kF32:
      return operand.as<float>()[i];
    case DType::kF64:
      return operand.as<double>()[i];
    case DType::kBF16:
      return bf16_to_f32(operand.as<uint16_t>()[i]);
    case DType::kI32:
      return operand.as<int32_t>()[i];
    case DType::kI64:
      return static_cast<double>(operand.as<int64_t>()[i]);
    default:
      TUTTI_CHECK(false, "no test uses {}", dtype_name(operand.dtype));
  }
}

}  // namespace

GuardedMemory::GuardedMemory(size_t bytes)
    : bytes_(bytes), memory_(bytes + kGuardBytes + kAlignment, kUnwritten) {
  const auto address = reinterpret_cast<uintptr_t>(memory_.data());
  begin_ = (kAlignment - address % kAlignment) % kAlignment;
}

bool GuardedMemory::intact() const {
  const auto guard = memory_.begin() + static_cast<int64_t>(begin_ + bytes_);
  return std::all_of(guard, memory_.end(), [](std::byte b) { return b == kUnwritten; });
}

GraphRunner::GraphRunner(const Graph& graph, const Backend& backend, int threads,
                         std::optional<DimRange> range, int64_t coordinate)
    : graph_(graph), backend_(backend), threads_(threads), coordinate_(coordinate) {
  memory_.reserve(graph.values.size());  // the memory of a vector moves with it, not its address
  for (const Value& value : graph.values) {
    Operand operand = make_operand(value, range, coordinate);
    if (value.updates.valid()) {
      operand.data = operands_[static_cast<size_t>(value.updates.index)].data;
    } else {
      memory_.emplace_back(static_cast<size_t>(operand.count()) * dtype_bytes(operand.dtype));
      operand.data = memory_.back().data();
    }
    operands_.push_back(std::move(operand));
  }
}

std::vector<std::byte> GraphRunner::bytes(ValueId id) const {
  return part_of(operand(id), operand(id));
}

std::vector<double> GraphRunner::values(ValueId id) const {
  std::vector<double> values;
  for (int64_t i = 0; i < operand(id).count(); ++i) values.push_back(as_double(operand(id), i));
  return values;
}

void GraphRunner::take(const GraphRunner& from, ValueId id) {
  const std::vector<std::byte> part = part_of(from.operand(id), operand(id));
  std::copy(part.begin(), part.end(), operand(id).as<std::byte>());
}

void GraphRunner::overlay(ValueId id, ValueId other) {
  operands_[static_cast<size_t>(id.index)].data = operand(other).data;
}

void GraphRunner::run(bool accumulate, int64_t microbatch) {
  for (const Op& op : graph_.ops) run_op(op, accumulate, microbatch);
}

bool GraphRunner::in_bounds() const {
  return workspaces_intact_ && std::all_of(memory_.begin(), memory_.end(),
                                           [](const GuardedMemory& m) { return m.intact(); });
}

void GraphRunner::run_op(const Op& op, bool accumulate, int64_t microbatch) {
  std::vector<Operand> inputs, outputs;
  for (ValueId id : op.inputs) inputs.push_back(operand(id));
  for (ValueId id : op.outputs) outputs.push_back(operand(id));
  KernelCall call{.kind = op.kind,
                  .attributes = &op.attributes,
                  .inputs = inputs,
                  .outputs = outputs,
                  .accumulators = OpTable()[op.kind].accumulates,
                  .accumulate = accumulate,
                  .microbatch = microbatch,
                  .coordinate = coordinate_,
                  .threads = threads_};
  // The planner asks before there is memory.
  std::vector<Operand> planned_inputs = inputs, planned_outputs = outputs;
  for (auto* operands : {&planned_inputs, &planned_outputs}) {
    for (Operand& operand : *operands) operand.data = nullptr;
  }
  KernelCall planned = call;
  planned.inputs = planned_inputs;
  planned.outputs = planned_outputs;
  GuardedMemory workspace(backend_.workspace_bytes(planned));
  call.workspace = workspace.data();
  backend_.run(call);
  workspaces_intact_ = workspaces_intact_ && workspace.intact();
}

std::vector<std::byte> part_of(const Operand& whole, const Operand& part) {
  const size_t size = dtype_bytes(whole.dtype);
  std::vector<std::byte> bytes(static_cast<size_t>(part.count()) * size);
  for (int64_t i = 0; i < part.count(); ++i) {
    int64_t rest = i, element = 0, stride = 1;
    for (size_t d = part.sizes.size(); d-- > 0;) {
      const int64_t index = rest % part.sizes[d] + part.offsets[d] - whole.offsets[d];
      TUTTI_CHECK(index >= 0 && index < whole.sizes[d], "the part is not in the whole");
      element += index * stride;
      stride *= whole.sizes[d];
      rest /= part.sizes[d];
    }
    std::memcpy(bytes.data() + static_cast<size_t>(i) * size,
                whole.as<std::byte>() + static_cast<size_t>(element) * size, size);
  }
  return bytes;
}

TEST(GuardedMemory, SeesAWritePastItsEnd) {
  GuardedMemory memory(5);
  std::memset(memory.data(), 0, 5);
  EXPECT_TRUE(memory.intact());
  memory.data()[5] = std::byte{0};
  EXPECT_FALSE(memory.intact());
}

}  // namespace tutti
