// A seed for a random test, printed so that a failure can be repeated; TUTTI_TEST_SEED sets it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace tutti {

inline uint64_t test_seed() {
  const char* const text = std::getenv("TUTTI_TEST_SEED");
  const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device()();
  std::cout << "TUTTI_TEST_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace tutti
