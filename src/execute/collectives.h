// The collectives of one rank's programs: a communicator and a lane for each set of mesh axes.
//
// Used by one thread (lanes are its own).
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "execute/in_flight.h"
#include "program/bind.h"
#include "program/collective_layout.h"
#include "program/program.h"

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

  // The collective of an instruction, whose operands and workspace are in place.
  LaneJob job(const BoundInstruction& bound, const KernelCall& call);

  // What this rank has sent for programs.
  WireCount sent() const;

 private:
  GroupLane& group_of(const Instruction& instruction);

  WireCount before_;                         // sent by the checks at the start
  std::map<std::string, GroupLane> groups_;  // by the attribute `axes`
};

}  // namespace tutti
