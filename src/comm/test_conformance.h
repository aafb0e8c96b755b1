// What every backend's communicators must do. Each rank runs the same checks on its World, in the
// same order: threads in one process, or processes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "comm/communicator.h"
#include "comm/test_group_checker.h"

namespace tutti {

struct ConformanceCheck {
  std::string_view name;
  // Returns at once on fewer ranks than it needs.
  void (*run)(World& world, uint64_t seed, Failures& failures);
  WorldOptions options = {};  // of the world that it needs
};

// Results, groups, lanes and order of calls. The world is usable afterwards.
std::span<const ConformanceCheck> conformance_checks();
// All of them; what this rank found wrong. `seed` is the same on all ranks.
Failures run_conformance(World& world, uint64_t seed);

// Each needs a world of its own, with its options, and breaks it.
std::span<const ConformanceCheck> failing_checks();

}  // namespace tutti
