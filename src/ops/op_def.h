// What the compiler knows of an op: one OpDef per kind, every facet in the op's file.
//
// The facets: shape inference with checks, gradient rule, placement rule, cost, and what the memory
// planner may do with its operands. Kernels are elsewhere (kernels/).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/builder.h"
#include "ir/graph.h"
#include "ir/verify.h"

namespace tutti {

// An op while its types are checked: its inputs by position, and checks that name op and value.
class OpInputs {
 public:
  OpInputs(const Graph& graph, const Op& op) : graph_(graph), op_(op) {}

  const Op& op() const { return op_; }
  size_t count() const { return op_.inputs.size(); }
  const ValueType& type(size_t i) const { return graph_.value(op_.inputs[i]).type; }
  const std::vector<Dim>& dims(size_t i) const { return type(i).dims; }
  const std::string& name(size_t i) const { return graph_.value(op_.inputs[i]).name; }
  std::string where() const;  // "linear of %x, %w"

  Status expect_count(size_t least, size_t most) const;
  Status expect_dtype(size_t i, DType dtype) const;
  Status expect_same_type(size_t i, size_t j) const;
  // Input i ends with exactly these dims.
  Status expect_suffix(size_t i, std::span<const Dim> suffix) const;
  Status expect_dims(size_t i, std::span<const Dim> dims) const;
  // The attribute `order` fits a sequence of this dim's size (collective/seq_order.h).
  Status expect_order(const Dim& dim) const;

 private:
  const Graph& graph_;
  const Op& op_;
};

using InferredTypes = Result<std::vector<ValueType>>;

// A gradient rule reads the gradients of the outputs (invalid where none flows) and sets those of
// the inputs that have one, emitting ops through the builder.
struct GradientContext {
  GraphBuilder& builder;
  const Op op;  // a copy: emitting reallocates the graph's ops
  std::span<const ValueId> output_grads;
  std::vector<ValueId> input_grads;
  std::vector<bool> wanted;  // by input: whether its gradient is needed

  // The name for the gradient of input i.
  std::string grad_name(size_t i) const { return builder.name(op.inputs[i]) + ".grad"; }
};

// How the partitioner treats the op (partition/place.cc holds one function for each).
enum class PlaceRule : uint8_t {
  kMap,         // operands lie by the rules; nothing that is cut may be summed over
  kReduce,      // operands lie by the rules; a dim that is cut and summed leaves a Partial(sum)
  kAttention,   // as kReduce, with keys and values of all positions at hand
  kRelabel,     // Partial passes; else the input is brought to where the output lies
  kAdd,         // equal Partials pass, else operands are resolved
  kAccumulate,  // the addend is brought to where the accumulator lies
  kUpdate,      // operands are brought to where the updated storage lies
  kSumSquares,  // every input as it lies at rest; Partial over all axes that cut any
  kBucketView,
  kBucketPack,
  kSettle,  // the input is brought to where the output was declared to lie
  kStats,   // vocabulary-parallel statistics: each output Partial by its own reduction
  kAsIs,    // whatever comes (communication)
};

struct OpDef {
  OpKind kind;
  InferredTypes (*infer)(const OpInputs&);
  void (*gradient)(GradientContext&) = nullptr;  // null: stops the gradient
  // Floating-point operations on one rank's local sizes; null: elementwise, one per output element.
  double (*flops)(const Graph&, const Op&) = nullptr;
  PlaceRule place = PlaceRule::kMap;
  bool cheap = false;        // backward repeats it rather than keep its output
  bool view = false;         // output 0 is (part of) input 0's storage
  uint32_t in_place = 0;     // bit j: an output may overwrite input j, of its type, that dies here
  uint32_t accumulates = 0;  // bit i: the kernel can add output i into its storage
  // Dims over which a subrange computed alone gives the same bits as in the whole; "*" is every
  // dim.
  std::string_view invariant_dims = "*";
};

// The explicit table of all ops.
class OpTable : public TypeRules {
 public:
  OpTable();
  const OpDef& operator[](OpKind kind) const { return defs_[static_cast<size_t>(kind)]; }
  Result<std::vector<ValueType>> infer(const Graph& graph, const Op& op) const override;

 private:
  std::vector<OpDef> defs_;  // by kind
};

// Floating-point operations of one op on one rank.
double op_flops(const OpTable& ops, const Graph& graph, const Op& op);
// Bytes of its operands on one rank, each read or written once.
double op_bytes(const Graph& graph, const Op& op);

// Dims of `dims` that are not named in `names`, in order; and those that are.
std::vector<Dim> without(const std::vector<Dim>& dims, const std::vector<std::string>& names);
std::vector<Dim> only(const std::vector<Dim>& dims, const std::vector<std::string>& names);
std::vector<std::string> dim_names(const std::vector<Dim>& dims);
// Elements of a value on one rank.
double local_count(const Graph& graph, ValueId id);

}  // namespace tutti
