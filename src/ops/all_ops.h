// One function per op file: the rows that it adds to the table.
#pragma once

#include <vector>

#include "ops/op_def.h"

namespace tutti {

std::vector<OpDef> linear_ops();
std::vector<OpDef> embedding_ops();
std::vector<OpDef> rms_norm_ops();
std::vector<OpDef> layer_norm_ops();
std::vector<OpDef> rope_ops();
std::vector<OpDef> attention_ops();
std::vector<OpDef> elementwise_ops();
std::vector<OpDef> dropout_ops();
std::vector<OpDef> cross_entropy_ops();
std::vector<OpDef> step_ops();
std::vector<OpDef> storage_ops();
std::vector<OpDef> communication_ops();

inline std::vector<OpDef> all_ops() {
  std::vector<OpDef> all;
  for (auto* rows : {linear_ops, embedding_ops, rms_norm_ops, layer_norm_ops, rope_ops,
                     attention_ops, elementwise_ops, dropout_ops, cross_entropy_ops, step_ops,
                     storage_ops, communication_ops}) {
    for (const OpDef& def : rows()) all.push_back(def);
  }
  return all;
}

}  // namespace tutti
