// The action list of a stage: its schedule, lowered to runs of bodies, sends and receives, with the
// slot that each microbatch holds in each class. Slots are assigned by colouring: a microbatch
// takes the lowest free slot where its value is born and gives it back where it dies.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "program/program.h"
#include "program/storage.h"
#include "schedule/schedule.h"

namespace tutti {

struct SlotLife {
  LifePoint born, dies;
  bool offloaded = false;
  friend bool operator==(const SlotLife&, const SlotLife&) = default;
};

// "F-Bw", "recv.F-send.Bi"
std::string slot_name(const SlotLife& life, const StageBodies& bodies, const Plan& plan);

// What actions are made of.
struct StageActions {
  const StageOps& stage;
  const Schedule& schedule;
  const std::vector<int>& body_of;          // of the program, by number of the stage's; -1: none
  const std::vector<BufferId>& buffer_of;   // by value
  const std::vector<SlotLife>& slot_lives;  // by slot class
};

// Fills program.actions and the counts of program.slot_classes.
//
// A pass's receives are posted one pass ahead, and its sends may take until the end of the next
// pass at least: both run beside compute, for a slot more of what they carry. A send is waited for
// when, in a simulation with F, Bi and Bw of equal length, its receive was posted before: in that
// order of events every wait is for something earlier, so that stages never wait for each other in
// a circle. (A value that dies in a pass before that is waited for there; the linter proves the
// whole.)
void add_actions(Program& program, const StageActions& from);

}  // namespace tutti
