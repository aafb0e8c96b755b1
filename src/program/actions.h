// The action list of a stage: its schedule, lowered to runs of bodies, sends and receives, with the
// slot that each microbatch holds in each class. Slots are assigned by colouring: a microbatch takes
// the lowest free slot where its value is born and gives it back where it dies.
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
  friend bool operator==(const SlotLife&, const SlotLife&) = default;
};

// "F-Bw", "recv.F-send.Bi"
std::string slot_name(const SlotLife& life, bool split_backward);

using BodyIndex = std::array<int, kBodyKinds>;  // body of the program by kind; -1: none

// Fills program.actions and the counts of program.slot_classes.
void add_actions(Program& program, const StageOps& stage, const std::vector<ScheduledPass>& passes,
                 const BodyIndex& bodies, const std::vector<BufferId>& buffer_of,
                 const std::vector<SlotLife>& slot_lives);

}  // namespace tutti
