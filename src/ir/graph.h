// The graph: values with named dims, and the ops that make them, in an order that can be executed.
//
// A graph describes one step. Its ops lie in three regions: the prologue runs once, the body once a
// microbatch, the epilogue once. Values are in SSA form; what lasts (parameters, optimizer state,
// gradient accumulators) is updated by a value that says which storage it overwrites.
//
// Dims are logical sizes at every stage of compilation. How a value lies on the mesh is its
// placement; local sizes follow from the two.
//
// A Graph is a plain value: copying it is a deep copy. Not thread-safe for writing.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "collective/placement.h"
#include "ir/attributes.h"
#include "ir/op_kind.h"
#include "tensor/dtype.h"

namespace tutti {

using ValueId = Id<struct ValueTag>;
using OpId = Id<struct OpTag>;

// The size of a dim that the plan binds later (batch).
inline constexpr int64_t kSymbolic = -1;

struct Dim {
  std::string name;
  int64_t size = 0;
  friend bool operator==(const Dim&, const Dim&) = default;
};

struct ValueType {
  DType dtype = DType::kF32;
  std::vector<Dim> dims;
  friend bool operator==(const ValueType&, const ValueType&) = default;
};

// The index of a dim, or -1.
int dim_index(const std::vector<Dim>& dims, std::string_view name);
int64_t element_count(const std::vector<Dim>& dims);

enum class Role : uint8_t {
  kTemporary,    // made by an op
  kInput,        // from the data: tokens, labels, positions
  kScalar,       // from the step's scalar table: learning rate, cache length
  kParameter,    // lasts; saved
  kState,        // lasts; saved: optimizer moments
  kAccumulator,  // lasts through a step: gradients, loss
};
std::string_view role_name(Role role);
constexpr bool is_persistent(Role role) { return role >= Role::kParameter; }

// Stages of a graph are the positions of a pipeline (collective/pipeline.h), in order.
inline constexpr int kEveryStage = -1;

// What another stage has of a value is called NAME@4 there: its copy, or its replica where it
// lasts.
std::string name_at_stage(std::string_view name, int stage);
// NAME of NAME@4, and of NAME; whether there was an @.
std::string_view without_stage(std::string_view name);
bool is_at_stage(std::string_view name);

struct Value {
  std::string name;  // unique in the graph
  ValueType type;
  Placement placement;
  Role role = Role::kTemporary;
  ValueId updates;  // the value, mostly a persistent one, whose storage this one overwrites
  int stage = kEveryStage;
  bool offloaded = false;  // not in the device's memory: only fetch reads it, only store makes it
};

enum class Region : uint8_t { kPrologue, kBody, kEpilogue };
// kBackwardInput and kBackwardWeight are the halves that a zero-bubble schedule runs apart.
enum class Phase : uint8_t { kForward, kBackwardInput, kBackwardWeight };
std::string_view region_name(Region region);
std::string_view phase_name(Phase phase);  // "F", "Bi", "Bw"

// What an op does to outputs that update an accumulator.
enum class Accumulation : uint8_t {
  kNone,
  kAfterFirst,  // the first microbatch of a step writes, later ones add
  kAlways,      // adds: another op of the same microbatch wrote before
};

// In which microbatches an op of the body runs.
enum class When : uint8_t {
  kEach,
  kLast,  // the last one of the step, on its stage
};

struct Op {
  OpKind kind = OpKind::kAdd;
  Attributes attributes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Region region = Region::kBody;
  Phase phase = Phase::kForward;
  Accumulation accumulation = Accumulation::kNone;
  When when = When::kEach;
  // Layer of the model: -1 before the first (embedding), `layers` after the last (head).
  int block = -1;
  int stage = kEveryStage;
};

struct Graph {
  std::string name;
  std::deque<Value> values;      // references to them last while others are added
  std::vector<Op> ops;           // every op after the producers of its inputs, regions in order
  std::vector<ValueId> outputs;  // values that must stay readable after the step

  Value& value(ValueId id) { return values[static_cast<size_t>(id.index)]; }
  const Value& value(ValueId id) const { return values[static_cast<size_t>(id.index)]; }
  Op& op(OpId id) { return ops[static_cast<size_t>(id.index)]; }
  const Op& op(OpId id) const { return ops[static_cast<size_t>(id.index)]; }

  ValueId find(std::string_view value_name) const;  // invalid when absent
  ValueId add_value(Value value);
  const std::string& op_label(const Op& op) const;  // the name of its first output
};

// The op that makes each value (invalid for inputs and persistent values), by value index.
std::vector<OpId> producers(const Graph& graph);
// The ops that read each value, in order, by value index.
std::vector<std::vector<OpId>> consumers(const Graph& graph);

// Sizes on one rank: each logical size divided by the axes that cut it.
std::vector<int64_t> local_sizes(const Value& value);
int64_t local_elements(const Value& value);
int64_t local_bytes(const Value& value);
// Where a part of a value begins of which the attribute `offset` says so in elements.
int64_t offset_bytes(const Attributes& attributes, DType dtype);

// Gives every symbolic dim called `name` a size.
void bind_dim(Graph& graph, std::string_view name, int64_t size);

}  // namespace tutti
