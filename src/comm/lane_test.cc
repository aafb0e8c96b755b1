#include "comm/lane.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace tutti {
namespace {

TEST(Lane, RunsJobsInOrder) {
  Lane lane("order");
  std::vector<int> order;
  Lane::Ticket last = 0;
  for (int i = 0; i < 100; ++i) {
    last = lane.submit([&order, i] {
      order.push_back(i);
      return Status();
    });
    EXPECT_EQ(last, i + 1);
  }
  EXPECT_TRUE(lane.wait(last).ok());
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(Lane, TicketsAreDoneInOrder) {
  Lane lane("tickets");
  EXPECT_TRUE(lane.done(0));
  EXPECT_TRUE(lane.wait(0).ok());
  std::atomic<bool> open = false;
  const Lane::Ticket first = lane.submit([] { return Status(); });
  const Lane::Ticket second = lane.submit([&open] {
    while (!open) std::this_thread::yield();
    return Status();
  });
  EXPECT_TRUE(lane.wait(first).ok());
  EXPECT_TRUE(lane.done(first));
  EXPECT_FALSE(lane.done(second));
  open = true;
  EXPECT_TRUE(lane.wait(second).ok());
  EXPECT_TRUE(lane.done(second));
}

TEST(Lane, RunsOnTheCallersThreadWhenItHasNothingToDo) {
  Lane lane("run");
  std::thread::id ran_on;
  const auto note_thread = [&ran_on] {
    ran_on = std::this_thread::get_id();
    return Status();
  };
  EXPECT_EQ(lane.run(note_thread), 1);
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  EXPECT_TRUE(lane.done(1));

  std::atomic<bool> open = false;
  std::vector<int> order;
  lane.submit([&] {
    while (!open) std::this_thread::yield();
    order.push_back(2);
    return Status();
  });
  std::thread opener([&open] { open = true; });
  EXPECT_EQ(lane.run([&] {
    order.push_back(3);
    return note_thread();
  }),
            3);
  opener.join();
  EXPECT_EQ(order, (std::vector{2, 3}));
  EXPECT_TRUE(lane.done(3));

  EXPECT_EQ(lane.wait(lane.run([]() -> Status { return invalid("the first"); })).message(),
            "the first");
  ran_on = {};
  EXPECT_EQ(lane.wait(lane.run(note_thread)).message(), "the first");
  EXPECT_EQ(ran_on, std::thread::id());
}

TEST(Lane, KeepsItsFirstErrorAndRunsNothingAfterIt) {
  Lane lane("errors");
  int runs = 0;
  const Lane::Ticket first = lane.submit([&runs]() -> Status {
    ++runs;
    return invalid("the first");
  });
  const Lane::Ticket second = lane.submit([&runs]() -> Status {
    ++runs;
    return invalid("the second");
  });
  EXPECT_EQ(lane.wait(second).message(), "the first");
  EXPECT_EQ(lane.wait(first).message(), "the first");
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(lane.wait(lane.submit([] { return Status(); })).message(), "the first");
}

TEST(Lane, FinishesWhatWasSubmitted) {
  std::atomic<int> runs = 0;
  {
    Lane lane("a name that is longer than a thread's");
    for (int i = 0; i < 10; ++i) {
      lane.submit([&runs] {
        ++runs;
        return Status();
      });
    }
  }
  EXPECT_EQ(runs, 10);
}

TEST(Lane, AJobKnowsWhetherSomebodyWaitsForIt) {
  EXPECT_TRUE(Lane::is_awaited());  // no job
  Lane lane("test");
  std::atomic<bool> seen_alone = false;
  const Lane::Ticket ticket = lane.submit([&] {
    seen_alone = !Lane::is_awaited();
    while (!Lane::is_awaited()) std::this_thread::yield();
    return Status();
  });
  while (!seen_alone) std::this_thread::yield();
  EXPECT_TRUE(lane.wait(ticket).ok());
}

}  // namespace
}  // namespace tutti
