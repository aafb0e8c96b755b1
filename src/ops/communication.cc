// What moves data between ranks, and the local halves of a redistribution. {axes} is the group,
// major first; {dim} the dim that is cut, gathered or left; {to_dim} where all_to_all cuts instead.
// ring_shift is the value of the previous rank of the group, the last one's on the first. transfer
// moves a value to another stage of the pipeline; replica_sum adds the gradients of a parameter
// that lives on several stages and leaves the sum on each.
#include "ops/all_ops.h"

namespace tutti {
namespace {

InferredTypes infer_same(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(1, 1));
  return std::vector<ValueType>{in.type(0)};
}

InferredTypes infer_replicas(const OpInputs& in) {
  TUTTI_TRY(in.expect_count(1, SIZE_MAX));
  std::vector<ValueType> types;
  for (size_t i = 0; i < in.count(); ++i) {
    TUTTI_TRY(in.expect_same_type(i, 0));
    types.push_back(in.type(i));
  }
  return types;
}

}  // namespace

std::vector<OpDef> communication_ops() {
  std::vector<OpDef> defs;
  for (OpKind kind :
       {OpKind::kSlice, OpKind::kMask, OpKind::kAllToAll, OpKind::kReduceScatter,
        OpKind::kAllReduce, OpKind::kAllGather, OpKind::kRingShift, OpKind::kTransfer}) {
    const uint32_t in_place = kind == OpKind::kAllReduce || kind == OpKind::kMask ? 1 : 0;
    const uint32_t accumulates = kind == OpKind::kReduceScatter ? 1 : 0;
    defs.push_back({.kind = kind,
                    .infer = infer_same,
                    .place = PlaceRule::kAsIs,
                    .in_place = in_place,
                    .accumulates = accumulates});
  }
  defs.push_back({.kind = OpKind::kReplicaSum,
                  .infer = infer_replicas,
                  .place = PlaceRule::kAsIs,
                  .in_place = ~0u});
  return defs;
}

}  // namespace tutti
