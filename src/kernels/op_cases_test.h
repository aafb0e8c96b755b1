// The cases of every op: operands, attributes and random contents. Tests run the whole table on
// every instance of the CPU kernels (op_cases_test.cc), against finite differences
// (op_gradients_test.cc) and in parts (op_invariance_test.cc).
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "kernels/cpu/kernel_test.h"
#include "kernels/graph_runner_test.h"
#include "ops/op_def.h"

namespace tutti {

// A type in the textual form and what it is filled with: normal numbers, or, given a range, uniform
// ones in [low, high] (integers: both included).
struct CaseInput {
  CaseInput(const char* type_text) : type(type_text), normal(true) {}
  CaseInput(const char* type_text, double low_value, double high_value)
      : type(type_text), low(low_value), high(high_value) {}

  std::string type;
  bool normal = false;
  double low = 0, high = 0;
};

struct OpCase {
  OpKind kind = OpKind::kAdd;
  const char* name = "";
  std::vector<CaseInput> inputs;
  Attributes attributes = {};
  int updates = 0;             // outputs before this overwrite the inputs of the same index
  int64_t coordinate = 0;      // of the rank, on every axis
  bool differentiable = true;  // where the op is: this form of it too
  std::vector<std::string> uncut = {};  // dims of outputs that mean something else when cut
};

std::vector<OpCase> model_op_cases();
std::vector<OpCase> gradient_op_cases();
std::vector<OpCase> step_op_cases();
std::vector<OpCase> all_op_cases();

// The case as a graph of one op, inputs first; float inputs are parameters.
Graph graph_of(const OpCase& op_case);
// Fills the inputs, and with small numbers the outputs, which the op may add to.
void fill(const OpCase& op_case, const Graph& graph, cpu::RandomInputs& random,
          GraphRunner& runner);
void fill_normal(ValueId id, cpu::RandomInputs& random, GraphRunner& runner);
std::string label(const OpCase& op_case);

// Where oneDNN multiplies: bits depend on the number of threads and on the other rows of a call.
bool uses_products(OpKind kind);

}  // namespace tutti
