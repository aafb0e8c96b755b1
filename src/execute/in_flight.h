// What one rank's programs have started in lanes, and who waits for it: communication, and copies
// of what is offloaded.
//
// Used by one thread (lanes are their own).
#pragma once

#include <map>
#include <vector>

#include "execute/traced_lane.h"
#include "program/program.h"

namespace tutti {

// Work for a lane.
struct LaneJob {
  TracedLane& lane;
  Lane::Job run;
};

class InFlight {
 public:
  // `programs` are those whose instructions it will know; `spans` may be null.
  InFlight(const std::vector<const Program*>& programs, SpanRecorder* spans);

  // Starts the instruction `ref` of program `program` in its lane, which must outlive this, once
  // what `waits` names is done. `awaited`: the caller waits for it before anything else.
  void start(size_t program, InstructionRef ref, const std::vector<InstructionRef>& waits,
             LaneJob job, SpanNameId span, bool awaited);
  // Until that instruction's last start is done. At once when it was never started.
  Status wait(size_t program, InstructionRef ref);
  // Until all is done, or the first that failed.
  Status finish();
  // Until no job of any lane waits for another lane, whatever failed: then lanes may go.
  void drain();

  void set_step(int64_t step) { step_ = step; }

 private:
  struct Started {
    Lane* lane = nullptr;
    Lane::Ticket ticket = 0;
  };
  Started& started(size_t program, InstructionRef ref);

  SpanRecorder* spans_;
  int64_t step_ = 0;
  std::vector<std::vector<std::vector<Started>>> started_;  // by program, body and instruction
  std::map<Lane*, Lane::Ticket> last_;                      // of each lane
};

}  // namespace tutti
