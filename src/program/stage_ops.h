// The ops that one stage runs, in its bodies, with variadic ops reduced to what lives on the stage,
// and the transfers that it takes part in.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "plan/plan.h"

namespace tutti {

enum class BodyKind : uint8_t { kPrologue, kForward, kBackward, kBackwardWeight, kEpilogue };

struct StageBody {
  BodyKind kind = BodyKind::kPrologue;
  int chunk = 0;
  std::vector<Op> ops;
};

// The bodies of a stage, by number: in the order in which a microbatch goes through them, with the
// weight gradients of each chunk at some time behind its input gradients.
class StageBodies {
 public:
  explicit StageBodies(int chunks);

  int index(BodyKind kind, int chunk = 0) const;
  size_t size() const { return bodies_.size(); }
  StageBody& operator[](int index) { return bodies_[static_cast<size_t>(index)]; }
  const StageBody& operator[](int index) const { return bodies_[static_cast<size_t>(index)]; }
  auto begin() const { return bodies_.begin(); }
  auto end() const { return bodies_.end(); }

 private:
  int chunks_;
  std::vector<StageBody> bodies_;
};

// A value that goes from one position of the pipeline to another.
struct Transfer {
  ValueId source, target;
  int from = 0, to = 0;  // positions
  int body = -1;         // of this stage: behind which it is sent, or which it is received for
  bool sends = false;    // this stage has `from`
  bool local = false;    // and `to`: a copy, named once, with `sends`
};

struct StageOps {
  StageBodies bodies;
  std::vector<Transfer> transfers;
};

// `stage` is a coordinate along pp.
StageOps stage_ops(const Graph& graph, const Plan& plan, int stage);
// "F", or "F.1" of chunk 1.
std::string body_name(const StageBody& body, const Plan& plan);

}  // namespace tutti
