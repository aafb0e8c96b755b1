#include "comm/threads/world.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <thread>

#include "base/test_sanitized.h"
#include "base/test_seed.h"
#include "comm/flight_recorder.h"
#include "comm/lane.h"
#include "comm/test_conformance.h"

namespace tutti {
namespace {

// Runs `rank` on a thread for each rank, and destroys each rank's world as it returns.
void run_ranks(int ranks, const WorldOptions& options, const std::function<void(World&)>& rank) {
  const auto clock = make_system_clock();
  std::vector<std::unique_ptr<World>> worlds = make_thread_worlds(ranks, options, *clock);
  std::vector<std::thread> threads;
  for (std::unique_ptr<World>& world : worlds) {
    threads.emplace_back([&world, &rank] {
      rank(*world);
      world.reset();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

std::unique_ptr<Communicator> whole(World& world, const std::string& name) {
  std::vector<int> ranks(static_cast<size_t>(world.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  auto group = world.create_group(ranks, name);
  EXPECT_TRUE(group.ok()) << group.message();
  return group.ok() ? std::move(group).value() : nullptr;
}

class ThreadWorlds : public testing::TestWithParam<int> {};

TEST_P(ThreadWorlds, Conform) {
  const uint64_t seed = test_seed();
  run_ranks(GetParam(), {.timeout_s = 60},
            [&](World& world) { EXPECT_EQ(run_conformance(world, seed), Failures()); });
}

INSTANTIATE_TEST_SUITE_P(Ranks, ThreadWorlds, testing::Range(1, 9, kSanitized ? 3 : 1));

TEST(ThreadWorld, FailsAsItShould) {
  for (const ConformanceCheck& check : failing_checks()) {
    run_ranks(4, check.options, [&](World& world) {
      Failures failures;
      check.run(world, 1, failures);
      EXPECT_EQ(failures, Failures()) << check.name;
    });
  }
}

// A number for each pair of rank and element whose sums depend on the order.
float awkward(int rank, int64_t i) {
  return std::ldexp(1.0f + 0.1f * static_cast<float>(rank + i % 7),
                    static_cast<int>(rank * 5 % 13));
}

TEST(ThreadWorld, AddsInTheOrderOfTheGroup) {
  constexpr int64_t kCount = 5000;
  run_ranks(4, {}, [&](World& world) {
    const auto group = world.create_group({2, 0, 3, 1}, "order");
    ASSERT_TRUE(group.ok());
    std::vector<float> sum(kCount);
    for (int64_t i = 0; i < kCount; ++i) sum[i] = awkward(world.rank(), i);
    std::vector<float> part(kCount / 4);
    ASSERT_TRUE(
        (*group)
            ->reduce_scatter(sum.data(), part.data(), kCount / 4, DType::kF32, Reduce::kSum, "part")
            .ok());
    ASSERT_TRUE((*group)
                    ->all_reduce(sum.data(), sum.data(), kCount, DType::kF32, Reduce::kSum, "sum")
                    .ok());
    for (int64_t i = 0; i < kCount; ++i) {
      const float expected = awkward(2, i) + awkward(0, i) + awkward(3, i) + awkward(1, i);
      ASSERT_EQ(sum[i], expected) << i;
      if (i / (kCount / 4) == (*group)->rank()) {
        ASSERT_EQ(part[i % (kCount / 4)], expected) << i;
      }
    }
  });
}

TEST(ThreadWorld, KeepsANaN) {
  run_ranks(3, {}, [](World& world) {
    const auto group = whole(world, "all");
    float value = world.rank() == 1 ? std::numeric_limits<float>::quiet_NaN() : 1;
    ASSERT_TRUE(group->all_reduce(&value, &value, 1, DType::kF32, Reduce::kMax, "a").ok());
    EXPECT_TRUE(std::isnan(value));
  });
}

TEST(ThreadWorld, ComparesMessages) {
  run_ranks(2, {}, [](World& world) {
    const auto group = whole(world, "pp");
    int64_t value[2] = {};
    const Status status = world.rank() == 0 ? group->send(value, 1, DType::kI64, 1, "x")
                                            : group->receive(value, 2, DType::kI64, 0, "x");
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(status.message(),
              "rank 1 calls receive of %x: 2 x i64; rank 0 calls send of %x: 1 x i64 "
              "(#1 of group pp)");
  });
}

TEST(ThreadWorld, ComparesTheCountsOfPairs) {
  run_ranks(2, {}, [](World& world) {
    const auto group = whole(world, "ep");
    int64_t in[8] = {}, out[8] = {};
    const std::vector<int64_t> given = {1, 2}, expected = {1, world.rank() == 0 ? 1 : 3};
    const Status status = group->all_to_all_v(in, given, out, expected, DType::kI64, "x");
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.message(),
              "all_to_all_v of %x (#1 of group ep): rank 0 gives 2 elements to rank 1, which "
              "expects 1");
  });
}

// Rank 0's message is taken while it waits for the one that rank 2 sends only afterwards.
TEST(ThreadWorld, AWaitingRankDoesNotHoldBackItsMessage) {
  run_ranks(3, {.timeout_s = 20}, [](World& world) {
    const auto group = whole(world, "pp");
    float out = 1, in = 0;
    Status status;
    if (world.rank() == 0) {
      status = group->send_receive(&out, 1, &in, 2, 1, DType::kF32, "x");
    } else if (world.rank() == 1) {
      status = group->receive(&in, 1, DType::kF32, 0, "x");
      if (status.ok()) status = group->send(&in, 1, DType::kF32, 2, "y");
    } else {
      status = group->receive(&in, 1, DType::kF32, 1, "y");
      if (status.ok()) status = group->send(&in, 1, DType::kF32, 0, "x");
    }
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(in, 1);
  });
}

TEST(ThreadWorld, ARankThatEndsIsNotWaitedFor) {
  run_ranks(3, {}, [](World& world) {
    const auto group = whole(world, "all");
    ASSERT_TRUE(group->barrier("start").ok());
    if (world.rank() == 1) return;
    float value = 0;
    const Status status =
        world.rank() == 0 ? group->barrier("end") : group->receive(&value, 1, DType::kF32, 1, "x");
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kUnavailable);
    // Rank 0 may say that it misses rank 2 as well.
    for (const char* const text :
         {" cannot wait for rank", "; rank 1 has left, last: barrier start"}) {
      EXPECT_NE(status.message().find(text), std::string::npos) << status.message();
    }
  });
}

// Calls until one fails, each on memory of its own, which nobody may touch once the call returns.
Status call_until_failure(Communicator& group, bool messages) {
  const int right = (group.rank() + 1) % group.size();
  const int left = (group.rank() + group.size() - 1) % group.size();
  for (;;) {
    std::vector<float> in(3000, 1), out(3000);
    const auto count = static_cast<int64_t>(in.size());
    const Status status =
        messages ? group.send_receive(in.data(), right, out.data(), left, count, DType::kF32, "m")
                 : group.all_reduce(in.data(), out.data(), count, DType::kF32, Reduce::kSum, "s");
    if (!status.ok()) return status;
    EXPECT_EQ(out.back(), messages ? 1 : group.size());
  }
}

TEST(ThreadWorld, AnAbortEndsCallsInFlight) {
  for (const double delay_s : {0.0, 0.001, 0.003, 0.01}) {
    run_ranks(3, {.timeout_s = 20}, [delay_s](World& world) {
      const auto sums = whole(world, "sums"), messages = whole(world, "messages");
      if (sums == nullptr || messages == nullptr) return;
      ASSERT_TRUE(sums->barrier("start").ok());
      Lane lane("messages");
      const Lane::Ticket ticket =
          lane.submit([&messages] { return call_until_failure(*messages, true); });
      Lane other("sums");
      const Lane::Ticket other_ticket =
          other.submit([&sums] { return call_until_failure(*sums, false); });
      if (world.rank() == 1) {
        make_system_clock()->sleep_s(delay_s);
        world.abort(Error{ErrorKind::kIo, "the disk is full"});
      }
      for (const Status& status : {lane.wait(ticket), other.wait(other_ticket)}) {
        EXPECT_EQ(status.message(), "rank 1 failed: the disk is full");
      }
    });
  }
}

TEST(ThreadWorld, AMessageThatNobodyTakesFails) {
  run_ranks(2, {.timeout_s = 0.1}, [](World& world) {
    const auto group = whole(world, "pp");
    int32_t value = 1;
    const Status status = group->send(&value, 1, DType::kI32, 1 - world.rank(), "x");
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.message().find("in send of %x (#1 of group pp)"), std::string::npos)
        << status.message();
  });
}

TEST(ThreadWorld, RefusesGroupsThatAreNone) {
  run_ranks(2, {}, [](World& world) {
    for (const std::vector<int>& ranks :
         std::vector<std::vector<int>>{{}, {1 - world.rank()}, {0, 1, 1}, {0, 1, 2}, {-1, 0, 1}}) {
      EXPECT_FALSE(world.create_group(ranks, "none").ok());
    }
    EXPECT_TRUE(whole(world, "all")->barrier("a").ok());
  });
}

TEST(ThreadWorld, ComparesTheNamesOfGroups) {
  const auto clock = make_system_clock();
  const auto worlds = make_thread_worlds(2, {}, *clock);
  ASSERT_TRUE(worlds[0]->create_group({0, 1}, "tp").ok());
  const auto other = worlds[1]->create_group({0, 1}, "dp");
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.message(),
            "rank 1 creates group dp of ranks 0, 1, another rank creates group tp of them");
  EXPECT_FALSE(worlds[0]->create_group({0}, "alone").ok());
}

TEST(ThreadWorld, RecordsItsCalls) {
  run_ranks(2, {.recorded_calls = 2}, [](World& world) {
    const auto group = whole(world, "all");
    for (const char* const name : {"a", "b", "c"}) ASSERT_TRUE(group->barrier(name).ok());
    const std::vector<RecordedCall> calls = world.recorder().calls();
    ASSERT_EQ(calls.size(), 2u);
    EXPECT_EQ(calls[1].call.name, "c");
    EXPECT_EQ(calls[1].number, 3);
    EXPECT_EQ(calls[1].group, "all");
    EXPECT_EQ(calls[1].state, CallState::kDone);
  });
}

}  // namespace
}  // namespace tutti
