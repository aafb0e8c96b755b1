#include "program/cost.h"

namespace tutti {
namespace {

// The instruction as the op of a graph of its own: cost rules speak of ops and values.
Graph as_graph(const Program& program, const Instruction& instruction) {
  Graph graph;
  Op op;
  op.kind = instruction.kind;
  op.attributes = instruction.attributes;
  for (const auto& [from, to] :
       {std::pair{&instruction.inputs, &op.inputs}, std::pair{&instruction.outputs, &op.outputs}}) {
    for (BufferId id : *from) {
      const Buffer& buffer = program.buffer(id);
      Value value;
      value.name = buffer.name;
      value.type = buffer.type;
      value.placement = buffer.placement;
      to->push_back(graph.add_value(std::move(value)));
    }
  }
  graph.ops.push_back(std::move(op));
  return graph;
}

}  // namespace

double instruction_flops(const OpTable& ops, const Program& program,
                         const Instruction& instruction) {
  const Graph graph = as_graph(program, instruction);
  return op_flops(ops, graph, graph.ops[0]);
}

double instruction_bytes(const OpTable& ops, const Program& program,
                         const Instruction& instruction) {
  if (ops[instruction.kind].view || is_copy(instruction.kind)) return 0;
  const Graph graph = as_graph(program, instruction);
  return op_bytes(graph, graph.ops[0]);
}

}  // namespace tutti
