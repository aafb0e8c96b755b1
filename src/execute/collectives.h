// The communication of one rank's programs: a communicator and a lane for each set of mesh axes,
// the collectives under way, and who waits for them.
//
// Used by one thread (lanes are its own).
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "comm/lane.h"
#include "program/bind.h"
#include "program/collective_layout.h"
#include "program/program.h"
#include "telemetry/spans.h"

namespace tutti {

// Runs one collective on dense operands: packs, calls, unpacks, adds.
Status run_collective(Communicator& group, const CollectiveLayout& layout, const void* in,
                      void* out, char* workspace, std::string_view name);

class Collectives {
 public:
  // Communicators for the axes of all `programs` (at least one), with the same calls on every rank
  // or an error that names the first that differs. `world` and `spans` (which may be null) must
  // outlive this.
  static Result<std::unique_ptr<Collectives>> create(World& world,
                                                     const std::vector<const Program*>& programs,
                                                     SpanRecorder* spans);

  // Starts the instruction `ref` of program `program`. Waits of its own are its lane's.
  void issue(size_t program, InstructionRef ref, const BoundInstruction& bound,
             const KernelCall& call, std::string_view name, SpanNameId span);
  // Until that instruction's last issue is done. At once when it was never issued.
  Status wait(size_t program, InstructionRef ref);
  // Until all is done.
  Status finish();

  // What this rank has sent for programs.
  WireCount sent() const;
  void set_step(int64_t step) { step_ = step; }

 private:
  struct Group {
    std::unique_ptr<Communicator> communicator;
    std::unique_ptr<Lane> lane;
    LaneId span_lane;
  };
  struct Issued {
    Group* group = nullptr;
    Lane::Ticket ticket = 0;
  };

  explicit Collectives(SpanRecorder* spans) : spans_(spans) {}
  Issued& issued(size_t program, InstructionRef ref);
  Group& group_of(const Instruction& instruction);

  SpanRecorder* spans_;
  WireCount before_;  // sent by the checks at the start
  int64_t step_ = 0;
  std::map<std::string, Group> groups_;                   // by the attribute `axes`
  std::vector<std::vector<std::vector<Issued>>> issued_;  // by program, body and instruction
};

}  // namespace tutti
