#include "schedule/generators.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "base/test_sanitized.h"
#include "base/test_seed.h"

namespace tutti {
namespace {

std::string text_of(const std::vector<ScheduledPass>& passes) {
  std::string text;
  for (const ScheduledPass& pass : passes) {
    text += (text.empty() ? "" : ",") + to_string(pass);
  }
  return text;
}

// Of many cases alike one in so many is run.
constexpr int kEveryCase = kSanitized ? 291 : 1;

// Calls check(stages, microbatches) for one in `every` of all sizes, the largest among them.
template <typename Check>
void for_sizes(int every, Check check) {
  constexpr int kStages = 32, kMicrobatches = 128;
  for (int i = 0; i < kStages * kMicrobatches; i += every) {
    check(kStages - i / kMicrobatches, kMicrobatches - i % kMicrobatches);
  }
}

struct Made {
  std::string name;
  Schedule schedule;
  double limit;  // microbatches that a stage may hold
};

// Everything that the generators make for a size; of one chunk, interleaved is 1F1B.
std::vector<Made> all_schedules(int stages, int microbatches) {
  const double n = stages;
  std::vector<Made> made;
  made.push_back({"gpipe", gpipe_schedule(stages, microbatches), 1.0 * microbatches});
  made.push_back({"1f1b", one_forward_one_backward_schedule(stages, microbatches), n});
  made.push_back({"eager-1f1b", eager_1f1b_schedule(stages, microbatches), 2 * n - 1});
  made.push_back({"zb-h1", zb_h1_schedule(stages, microbatches), n});
  made.push_back({"zb-h2", zb_h2_schedule(stages, microbatches), 2 * n - 1});
  made.push_back({"zbv", zbv_schedule(stages, microbatches), n});
  made.push_back({"dualpipev", dualpipev_schedule(stages, microbatches), n + 0.5});
  for (int chunks = 2; chunks <= 4; ++chunks) {
    made.push_back({fmt::format("interleaved {}", chunks),
                    interleaved_schedule(stages, microbatches, chunks), n + (n - 1) / chunks});
  }
  return made;
}

void expect_verified(const Made& made, int stages, int microbatches) {
  const auto where =
      fmt::format("{}, {} stages, {} microbatches: ", made.name, stages, microbatches);
  const Status status = verify(made.schedule);
  EXPECT_TRUE(status.ok()) << where << status.message();
  const Status held = verify_held(made.schedule, made.limit);
  EXPECT_TRUE(held.ok()) << where << held.message();
}

TEST(Generators, EverySizeIsCompleteAndFreeOfDeadlockWithinItsMemory) {
  for_sizes(kEveryCase, [](int stages, int microbatches) {
    for (const Made& made : all_schedules(stages, microbatches)) {
      expect_verified(made, stages, microbatches);
    }
  });
}

// Each is the shortest of over a hundred, so that few sizes are made; with TUTTI_TEST_WHOLE set,
// all of them, in turn within one, one and a half, and two times the memory of 1F1B: minutes. Set
// to 2/3 it makes the second third of them, for processes beside each other.
TEST(Generators, ZeroBubbleKeepsToItsLimit) {
  const PassTimes times = {1.0, 1.1, 0.8, 0.05};
  const auto expect_limit = [&](int stages, int microbatches, int limit) {
    expect_verified({fmt::format("zero-bubble {}", limit),
                     zero_bubble_schedule(stages, microbatches, {times, 1.0 * limit}), 1.0 * limit},
                    stages, microbatches);
  };
  if (const char* const whole = std::getenv("TUTTI_TEST_WHOLE"); whole != nullptr) {
    int part = 1, parts = 1, size = 0;
    if (std::sscanf(whole, "%d/%d", &part, &parts) != 2) part = parts = 1;
    for_sizes(1, [&](int stages, int microbatches) {
      if (size++ % parts != part - 1) return;
      expect_limit(stages, microbatches, stages + stages * ((stages + microbatches) % 3) / 2);
    });
    return;
  }
  for (int stages : {1, 2, 3, 8, 13}) {
    for (int microbatches : {1, 2, 5, kEveryCase == 1 ? 32 : 9}) {
      for (int limit : {stages, stages + stages / 2, 2 * stages}) {
        expect_limit(stages, microbatches, limit);
      }
    }
  }
  if (kEveryCase == 1) expect_limit(32, 128, 64);
}

TEST(Generators, StagesHoldWhatTheTheorySays) {
  const Schedule schedule = one_forward_one_backward_schedule(4, 16);
  for (int stage = 0; stage < 4; ++stage) EXPECT_EQ(held_microbatches(schedule, stage), 4 - stage);
  EXPECT_EQ(held_microbatches(one_forward_one_backward_schedule(4, 2), 0), 2);
  for (int stage = 0; stage < 4; ++stage) {
    EXPECT_EQ(held_microbatches(eager_1f1b_schedule(4, 16), stage), 2 * (4 - stage) - 1);
  }
  EXPECT_EQ(held_microbatches(eager_1f1b_schedule(4, 5), 0), 5);
  EXPECT_EQ(held_microbatches(gpipe_schedule(4, 16), 3), 16);
  for (int stage = 0; stage < 4; ++stage) {
    EXPECT_EQ(held_microbatches(zb_h1_schedule(4, 16), stage), 4);
    EXPECT_EQ(held_microbatches(zb_h2_schedule(4, 16), stage), 7);
  }
  // Narayanan et al. 2021: p (1 + (p - 1) / (p v)) microbatches on the first stage.
  EXPECT_EQ(held_microbatches(interleaved_schedule(4, 16, 2), 0), 4 * (1 + 3 / 8.0));
}

TEST(Generators, BubblesAreWhatTheTheorySays) {
  const PassTimes times = {1, 1, 1, 0};
  const int n = 8, m = 32;
  const auto cost = [&](const Schedule& schedule) { return simulate(schedule, times).cost(); };
  EXPECT_DOUBLE_EQ(cost(gpipe_schedule(n, m)), 3 * m + 3 * (n - 1));
  EXPECT_DOUBLE_EQ(cost(one_forward_one_backward_schedule(n, m)), 3 * m + 3 * (n - 1));
  EXPECT_DOUBLE_EQ(cost(eager_1f1b_schedule(n, m)), 3 * m + 3 * (n - 1));
  EXPECT_DOUBLE_EQ(cost(interleaved_schedule(n, m, 2)), 3 * m + 3 * (n - 1) / 2.0);
  EXPECT_DOUBLE_EQ(cost(zb_h1_schedule(n, m)), 3 * m + (n - 1));
  EXPECT_DOUBLE_EQ(cost(zb_h2_schedule(n, m)), 3 * m);
}

TEST(Generators, WorkedExample) {
  const Schedule schedule = one_forward_one_backward_schedule(3, 4);
  EXPECT_EQ(text_of(schedule.stages[0]), "F0,F1,F2,B0,F3,B1,B2,B3");
  EXPECT_EQ(text_of(schedule.stages[1]), "F0,F1,B0,F2,B1,F3,B2,B3");
  EXPECT_EQ(text_of(schedule.stages[2]), "F0,B0,F1,B1,F2,B2,F3,B3");
  EXPECT_EQ(schedule.stages, interleaved_schedule(3, 4, 1).stages);

  const Schedule eager = eager_1f1b_schedule(3, 6);
  EXPECT_EQ(text_of(eager.stages[0]), "F0,F1,F2,F3,F4,B0,F5,B1,B2,B3,B4,B5");
  EXPECT_EQ(text_of(eager.stages[1]), "F0,F1,F2,B0,F3,B1,F4,B2,F5,B3,B4,B5");
  EXPECT_EQ(text_of(eager.stages[2]), "F0,B0,F1,B1,F2,B2,F3,B3,F4,B4,F5,B5");
  EXPECT_EQ(text_of(gpipe_schedule(2, 2).stages[1]), "F0,F1,B0,B1");
  EXPECT_EQ(text_of(interleaved_schedule(2, 2, 2).stages[1]), "F0,F1,F0.1,B0.1,F1.1,B1.1,B0,B1");
  EXPECT_EQ(text_of(zb_h1_schedule(2, 2).stages[1]), "F0,Bi0,F1,Bi1,Bw0,Bw1");
}

// A schedule in which one pass was changed.
struct Mutation {
  Schedule schedule;
  size_t stage;
  ScheduledPass pass;
};

Mutation mutate(const Schedule& from, std::mt19937& random) {
  Mutation mutation = {from, random() % from.stages.size(), {}};
  auto& passes = mutation.schedule.stages[mutation.stage];
  const auto at = passes.begin() + static_cast<std::ptrdiff_t>(random() % passes.size());
  mutation.pass = *at;
  switch (random() % 3) {
    case 0:  // dropped
      passes.erase(at);
      break;
    case 1: {  // doubled
      const auto where = static_cast<std::ptrdiff_t>(random() % (passes.size() + 1));
      passes.insert(passes.begin() + where, mutation.pass);
      break;
    }
    default:  // the first forward pass behind all others
      mutation.pass = passes[0];
      std::rotate(passes.begin(), passes.begin() + 1, passes.end());
  }
  return mutation;
}

TEST(Generators, TheVerifierNamesTheFaultOfEveryMutation) {
  std::mt19937 random(static_cast<uint32_t>(test_seed()));
  for (int i = 0; i < 200; ++i) {
    const int stages = 2 + static_cast<int>(random() % 7);
    const int microbatches = 2 + static_cast<int>(random() % 15);
    const auto made = all_schedules(stages, microbatches);
    const Made& chosen = made[random() % made.size()];
    const Mutation mutation = mutate(chosen.schedule, random);
    const Status status = verify(mutation.schedule);
    ASSERT_FALSE(status.ok()) << chosen.name << ":\n" << print_schedule_csv(mutation.schedule);
    EXPECT_TRUE(status.message().starts_with(fmt::format("stage {}: ", mutation.stage)))
        << status.message();
    EXPECT_NE(status.message().find(to_string(mutation.pass)), std::string::npos)
        << status.message() << ", changed " << to_string(mutation.pass);
  }
}

}  // namespace
}  // namespace tutti
