// One layout gives the same bits each time: what the lanes do beside compute is in no order that
// matters. Short enough for the thread sanitizer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <span>
#include <thread>

#include "base/clock.h"
#include "base/test_sanitized.h"
#include "comm/threads/world.h"
#include "parity/layouts.h"
#include "parity/parity_run.h"

namespace tutti {
namespace {

constexpr int kSteps = kSanitized ? 2 : 5;

// Returns how much of the second is copied in and out.
CopiedBytes expect_same_bits(const std::string& first, const std::string& second) {
  const auto a = run_parity_on_threads(parity_gpt2(), parity_layout(first), kSteps);
  const auto b = run_parity_on_threads(parity_gpt2(), parity_layout(second), kSteps);
  EXPECT_TRUE(a.ok()) << first << ": " << a.message();
  EXPECT_TRUE(b.ok()) << second << ": " << b.message();
  if (!a.ok() || !b.ok()) return {};
  for (size_t s = 0; s < a->steps.size(); ++s) {
    EXPECT_EQ(a->steps[s].loss, b->steps[s].loss) << second;
    EXPECT_EQ(a->steps[s].grad_norm, b->steps[s].grad_norm) << second;
    for (const auto& [name, gradient] : a->steps[s].gradients) {
      const std::vector<float>& other = b->steps[s].gradients.at(name);
      EXPECT_EQ(std::memcmp(gradient.data(), other.data(), gradient.size() * sizeof(float)), 0)
          << second << ": " << name;
    }
  }
  return b->copied;
}

TEST(ParityBits, OneLayoutGivesTheSameBitsTwice) {
  for (const char* text : {"dp=2 tp=2", "shard=4 zero=3 accumulate=2", "shard=2 cp=2 zero=1",
                           "pp=2 shard=2 zero=1 accumulate=4 schedule=zb-h1"}) {
    expect_same_bits(text, text);
  }
}

TEST(ParityBits, WhatIsComputedAgainIsTheSame) {
  // With what a microbatch may keep at a position where that is limited.
  const std::pair<const char*, int> layouts[] = {{"", 150000},
                                                 {"tp=2", 100000},
                                                 {"shard=2 zero=3 accumulate=2", 50000},
                                                 {"pp=2 accumulate=4 schedule=zb-h1", 24000}};
  for (const auto& [layout, stash] : std::span(layouts).last(kSanitized ? 1 : 4)) {
    for (const auto& recompute :
         {std::string("selective"), std::string("full"), fmt::format("budget stash={}", stash)}) {
      expect_same_bits(layout, fmt::format("{} recompute={}", layout, recompute));
    }
  }
}

TEST(ParityBits, WhatIsOffloadedIsTheSame) {
  const std::pair<const char*, const char*> layouts[] = {
      {"shard=2 zero=1 accumulate=2", "optimizer"},
      {"shard=2 zero=2 accumulate=2", "optimizer,activations"},
      {"shard=2 tp=2 zero=1", "optimizer"},
      {"shard=2 tp=2 zero=3", "parameters,optimizer"},
      {"dp=2", "parameters,optimizer"},
      {"tp=2 recompute=selective", "parameters,activations"},
      {"accumulate=4", "parameters"},
      {"accumulate=4", "optimizer"},
      {"accumulate=4 recompute=full", "activations"},
      {"accumulate=4 prefetch=0", "parameters,optimizer,activations"},
      {"shard=2 zero=3 accumulate=2 prefetch=2", "parameters,optimizer,activations"},
      {"pp=2 accumulate=4 schedule=zbv layers=8", "parameters,optimizer,activations"},
      {"pp=2 accumulate=4 schedule=zb-h1", "parameters,optimizer,activations"},
      {"pp=2 shard=2 zero=3 accumulate=4 schedule=zb-h1", "parameters,optimizer,activations"}};
  for (const auto& [layout, offload] :
       std::span(layouts).last(kSanitized ? 1 : std::size(layouts))) {
    const CopiedBytes copied =
        expect_same_bits(layout, fmt::format("{} offload={}", layout, offload));
    EXPECT_GT(copied.in, 0) << layout;
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
