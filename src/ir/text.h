// The textual form of a graph: what passes print, golden files hold and tests write.
//
//   graph llama
//   input %tokens: i32[batch=8@shard2, seq=16]
//   param %up.weight: f32[mlp=64@tp2, embed=32] stage=0
//   body
//     F %up.out: f32[batch=8@shard2, seq=16, mlp=64@tp2] = linear(%x, %up.weight) {contract=[embed]} stage=0 block=1
//     Bw %up.grad.next: f32[...]+sum(shard2) updates %up.grad = linear_weight_grad(...) {...} add=after_first
//   output %loss
//
// print(parse(text)) == text for text that print made. Names hold no spaces, commas, or parentheses.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "ir/graph.h"

namespace tutti {

std::string to_string(const ValueType& type, const Placement& placement);
std::string print(const Graph& graph);
std::string print(const Graph& graph, const Op& op);

// Errors name the line and what was expected there.
Result<Graph> parse_graph(std::string_view text);

}  // namespace tutti
