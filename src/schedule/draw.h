// Pictures of schedules: one row a stage, time runs to the right. Pure functions; the timeline is
// what simulate() made of the schedule.
#pragma once

#include <string>

#include "schedule/schedule.h"
#include "schedule/timeline.h"

namespace tutti {

// For terminals. A pass is a letter and its microbatch, as wide as it takes long: F, B (Bi where
// backward is split) or W (Bw), small for chunk 1; of more than two chunks the chunk follows,
// "F3.2". Dots are idle. Lines are cut at `width` characters; the last line then says so.
std::string draw_text(const Schedule& schedule, const Timeline& timeline, int width = 200);

// A document of its own: boxes coloured by kind, lighter by chunk, with the microbatch in those
// that are wide enough and the whole pass as a tooltip; in the margin what each stage holds at
// most.
std::string draw_svg(const Schedule& schedule, const Timeline& timeline);

}  // namespace tutti
