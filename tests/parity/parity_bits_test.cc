// One layout gives the same bits each time: what the lanes do beside compute is in no order that
// matters. Short enough for the thread sanitizer.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "base/clock.h"
#include "comm/threads/world.h"
#include "parity/layouts.h"
#include "parity/parity_run.h"

namespace tutti {
namespace {

constexpr int kSteps = 5;

TEST(ParityBits, OneLayoutGivesTheSameBitsTwice) {
  for (const char* text : {"dp=2 tp=2", "shard=4 zero=3 accumulate=2", "shard=2 cp=2 zero=1",
                           "pp=2 shard=2 zero=1 accumulate=4 schedule=zb-h1"}) {
    const ParityLayout layout = parity_layout(text);
    const auto first = run_parity_on_threads(parity_gpt2(), layout, kSteps);
    const auto second = run_parity_on_threads(parity_gpt2(), layout, kSteps);
    ASSERT_TRUE(first.ok() && second.ok());
    for (size_t s = 0; s < first->steps.size(); ++s) {
      EXPECT_EQ(first->steps[s].loss, second->steps[s].loss);
      EXPECT_EQ(first->steps[s].grad_norm, second->steps[s].grad_norm);
      for (const auto& [name, gradient] : first->steps[s].gradients) {
        const std::vector<float>& other = second->steps[s].gradients.at(name);
        EXPECT_EQ(std::memcmp(gradient.data(), other.data(), gradient.size() * sizeof(float)), 0)
            << text << ": " << name;
      }
    }
  }
}

TEST(CallCheck, RanksWithDifferentProgramsAreRefusedBeforeTheFirstStep) {
  const ParityLayout layouts[] = {parity_layout("shard=2 zero=1"), parity_layout("shard=2 zero=3")};
  const auto clock = make_system_clock();
  const auto worlds = make_thread_worlds(2, {.timeout_s = 20}, *clock);
  std::vector<Status> results(2);
  std::vector<std::thread> threads;
  for (size_t r = 0; r < 2; ++r) {
    threads.emplace_back([&, r] {
      results[r] = run_parity(parity_llama(), layouts[r], *worlds[r], 1).status();
      if (!results[r].ok()) worlds[r]->abort(results[r]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Status& status : results) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument) << status.message();
    for (const char* part : {"rank 0 calls", "rank 1 calls", "bucket."}) {
      EXPECT_NE(status.message().find(part), std::string::npos)
          << part << " in " << status.message();
    }
  }
}

}  // namespace
}  // namespace tutti
