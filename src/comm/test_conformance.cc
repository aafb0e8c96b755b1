#include "comm/test_conformance.h"

#include <array>
#include <numeric>
#include <random>

#include "base/clock.h"
#include "comm/call_check.h"
#include "comm/lane.h"

namespace tutti {
namespace {

constexpr DType kEveryDType[] = {DType::kF32, DType::kBF16, DType::kF16, DType::kF64,
                                 DType::kI64, DType::kI32,  DType::kU16, DType::kU8};
constexpr double kShort_s = 0.3;  // a timeout that is waited for

std::vector<int> all_ranks(const World& world) {
  std::vector<int> ranks(static_cast<size_t>(world.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

// Fails the check, and the caller's, when there is none.
std::unique_ptr<Communicator> group_of(World& world, const std::vector<int>& ranks,
                                       const std::string& name, Failures& failures) {
  auto group = world.create_group(ranks, name);
  if (group.ok()) return std::move(group).value();
  failures.push_back(group.message());
  return nullptr;
}

std::unique_ptr<Communicator> whole(World& world, const std::string& name, Failures& failures) {
  return group_of(world, all_ranks(world), name, failures);
}

// The groups of a world that this rank is in: all, all backwards, each second, each half, alone.
std::vector<std::vector<int>> my_groups(const World& world) {
  const int size = world.size(), me = world.rank();
  std::vector<std::vector<int>> groups = {all_ranks(world), all_ranks(world), {}, {}, {me}};
  std::reverse(groups[1].begin(), groups[1].end());
  for (int r = me % 2; r < size; r += 2) groups[2].push_back(r);
  const int half = (size + 1) / 2;
  for (int r = me < half ? 0 : half; r < (me < half ? half : size); ++r) groups[3].push_back(r);
  return groups;
}

void every_call_on_every_dtype(World& world, uint64_t seed, Failures& failures) {
  const auto group = whole(world, "all", failures);
  if (group == nullptr) return;
  GroupChecker checker(*group, seed, failures);
  for (const DType dtype : kEveryDType) {
    for (const int64_t count : {0, 1, 3, 1000}) checker.every_call(count, dtype);
  }
  checker.bytes_on_the_wire();
}

void large_counts(World& world, uint64_t seed, Failures& failures) {
  const auto group = whole(world, "all", failures);
  if (group == nullptr) return;
  GroupChecker checker(*group, seed, failures);
  checker.all_reduce(100003, DType::kF32, Reduce::kSum, true);
  checker.all_reduce(100003, DType::kBF16, Reduce::kSum, false);
  checker.broadcast(100003, DType::kF32, 0);
  checker.every_call(100003 / (world.size() * world.size()), DType::kF32);
  checker.bytes_on_the_wire();
}

void groups_of_some_ranks(World& world, uint64_t seed, Failures& failures) {
  for (const std::vector<int>& ranks : my_groups(world)) {
    const auto group = group_of(world, ranks, "some", failures);
    if (group == nullptr) return;
    GroupChecker checker(*group, seed, failures);
    checker.every_call(101, DType::kF32);
    checker.every_call(7, DType::kI64);
    checker.bytes_on_the_wire();
  }
}

// Groups that share ranks, each from a lane of its own.
void several_lanes_at_once(World& world, uint64_t seed, Failures& failures) {
  std::vector<std::unique_ptr<Communicator>> groups;
  std::vector<std::unique_ptr<GroupChecker>> checkers;
  const std::vector<std::vector<int>> ranks = my_groups(world);
  std::vector<Failures> found(ranks.size());
  for (size_t i = 0; i < ranks.size(); ++i) {
    groups.push_back(group_of(world, ranks[i], fmt::format("lane{}", i), failures));
    if (groups.back() == nullptr) return;
    checkers.push_back(std::make_unique<GroupChecker>(*groups[i], seed + i, found[i]));
  }
  std::vector<std::unique_ptr<Lane>> lanes;
  for (size_t i = 0; i < ranks.size(); ++i) {
    lanes.push_back(std::make_unique<Lane>(fmt::format("lane{}", i)));
    for (const int64_t count : {1, 2000, 50}) {
      lanes[i]->submit([checker = checkers[i].get(), count] {
        checker->every_call(count, DType::kF32);
        return Status();
      });
    }
  }
  lanes.clear();  // finishes them
  for (const Failures& some : found) failures.insert(failures.end(), some.begin(), some.end());
}

void one_call(GroupChecker& checker, int size, std::mt19937_64& random) {
  const DType dtype = kEveryDType[random() % std::size(kEveryDType)];
  const auto count = static_cast<int64_t>(random() % (random() % 4 == 0 ? 3000 : 20));
  const auto rank = static_cast<int>(random() % static_cast<uint64_t>(size));
  const Reduce reduce = random() % 2 == 0 ? Reduce::kSum : Reduce::kMax;
  const bool in_place = random() % 2 == 0;
  switch (random() % 9) {
    case 0:
      return checker.all_reduce(count, dtype, reduce, in_place);
    case 1:
      return checker.reduce_scatter(count, dtype, reduce, in_place);
    case 2:
      return checker.all_gather(count, dtype, in_place);
    case 3:
      return checker.all_to_all(count, dtype);
    case 4:
      return checker.all_to_all_v(count, dtype);
    case 5:
      return checker.broadcast(count, dtype, rank);
    case 6:
      return checker.ring(count, dtype, rank);
    case 7:
      return checker.barrier();
    default:
      if (size > 1) checker.message(count, dtype, rank, (rank + 1) % size);
  }
}

void random_sequences(World& world, uint64_t seed, Failures& failures) {
  const auto forward = whole(world, "forward", failures);
  std::vector<int> reversed = all_ranks(world);
  std::reverse(reversed.begin(), reversed.end());
  const auto backward = group_of(world, reversed, "backward", failures);
  if (forward == nullptr || backward == nullptr) return;
  std::mt19937_64 random(seed);
  GroupChecker checkers[] = {{*forward, seed, failures}, {*backward, seed, failures}};
  for (int i = 0; i < 100; ++i) one_call(checkers[random() % 2], world.size(), random);
  for (GroupChecker& checker : checkers) checker.bytes_on_the_wire();
}

// Sums whose bits depend on the order: the same on all ranks, and each time.
void reductions_have_one_order(World& world, uint64_t seed, Failures& failures) {
  const auto group = whole(world, "all", failures);
  if (group == nullptr) return;
  constexpr int64_t kCount = 1001;
  std::mt19937_64 random(seed + static_cast<uint64_t>(world.rank()));
  std::vector<float> in(kCount), once(kCount), again(kCount);
  for (float& value : in) value = std::normal_distribution<float>()(random);
  std::vector<float> all(static_cast<size_t>(world.size() * kCount));
  for (std::vector<float>* const out : {&once, &again}) {
    const Status status =
        group->all_reduce(in.data(), out->data(), kCount, DType::kF32, Reduce::kSum, "a");
    if (!status.ok()) return failures.push_back(status.message());
  }
  const Status status = group->all_gather(once.data(), all.data(), kCount, DType::kF32, "a");
  if (!status.ok()) return failures.push_back(status.message());
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i] == again[i % kCount]) continue;
    return failures.push_back(fmt::format("element {} of a sum differs", i));
  }
}

void expect_text(const std::string& found, std::string_view expected, Failures& failures) {
  if (found.find(expected) != std::string::npos) return;
  failures.push_back(fmt::format("expected \"{}\" in: {}", expected, found));
}

void expect_error(const Status& status, ErrorKind kind, std::string_view text, Failures& failures) {
  if (status.ok()) return failures.push_back(fmt::format("no error with \"{}\"", text));
  if (status.error().kind != kind) failures.push_back("wrong kind: " + status.message());
  expect_text(status.message(), text, failures);
}

void sequences_are_compared(World& world, uint64_t, Failures& failures) {
  const auto group = whole(world, "all", failures);
  if (group == nullptr || world.size() < 3) return;
  std::vector<Call> calls(3);
  for (Call& call : calls) call = {CallKind::kAllReduce, DType::kF32, 4, Reduce::kSum, -1, "loss"};
  Status status = check_call_sequence(*group, calls);
  if (!status.ok()) failures.push_back(status.message());
  std::vector<Call> other = calls;
  other[1].count = 5;
  status = check_call_sequence(*group, world.rank() == 2 ? other : calls);
  expect_error(status, ErrorKind::kInvalidArgument,
               "call 2 of the sequence differs: rank 2 calls all_reduce of %loss: 5 x f32, sum; "
               "rank 0 calls all_reduce of %loss: 4 x f32, sum",
               failures);
  other = calls;
  other.pop_back();
  status = check_call_sequence(*group, world.rank() == 1 ? other : calls);
  expect_error(status, ErrorKind::kInvalidArgument,
               "call 3 of the sequence differs: rank 1 calls nothing more", failures);
  status = check_call_sequence(*group, world.rank() == 1 ? std::vector<Call>() : calls);
  expect_error(status, ErrorKind::kInvalidArgument, "call 1 of the sequence", failures);
}

constexpr ConformanceCheck kChecks[] = {
    {"every call on every dtype", every_call_on_every_dtype},
    {"large counts", large_counts},
    {"groups of some ranks", groups_of_some_ranks},
    {"several lanes at once", several_lanes_at_once},
    {"random sequences", random_sequences},
    {"reductions have one order", reductions_have_one_order},
    {"sequences are compared", sequences_are_compared},
};

// Rank 1 calls otherwise than the others; all get the same error, now and from then on.
template <typename Usual, typename Other>
void mismatch(World& world, Failures& failures, std::string_view usual_text,
              std::string_view other_text, const Usual& usual, const Other& other) {
  const auto group = whole(world, "tp", failures);
  if (group == nullptr || world.size() < 2) return;
  std::array<float, 64> in = {}, out = {};
  const Status status = world.rank() == 1 ? other(*group, in.data(), out.data())
                                          : usual(*group, in.data(), out.data());
  const std::string text = fmt::format("rank 1 calls {}; rank 0 calls {}", other_text, usual_text);
  expect_error(status, ErrorKind::kInvalidArgument, text, failures);
  expect_error(group->barrier("later"), ErrorKind::kInvalidArgument, text, failures);
  for (const float value : out) {
    if (value != 0) return failures.push_back("data moved");
  }
}

Status usual_sum(Communicator& group, const float* in, float* out) {
  return group.all_reduce(in, out, 4, DType::kF32, Reduce::kSum, "a");
}
constexpr std::string_view kUsualSum = "all_reduce of %a: 4 x f32, sum";

void other_kind(World& world, uint64_t, Failures& failures) {
  mismatch(world, failures, kUsualSum, "all_gather of %a: 4 x f32", usual_sum,
           [](Communicator& group, float* in, float* out) {
             return group.all_gather(in, out, 4, DType::kF32, "a");
           });
}

void other_count(World& world, uint64_t, Failures& failures) {
  mismatch(world, failures, kUsualSum, "all_reduce of %a: 5 x f32, sum", usual_sum,
           [](Communicator& group, float* in, float* out) {
             return group.all_reduce(in, out, 5, DType::kF32, Reduce::kSum, "a");
           });
}

void other_dtype(World& world, uint64_t, Failures& failures) {
  mismatch(world, failures, kUsualSum, "all_reduce of %a: 4 x i32, sum", usual_sum,
           [](Communicator& group, float* in, float* out) {
             return group.all_reduce(in, out, 4, DType::kI32, Reduce::kSum, "a");
           });
}

void other_reduction(World& world, uint64_t, Failures& failures) {
  mismatch(world, failures, kUsualSum, "all_reduce of %a: 4 x f32, max", usual_sum,
           [](Communicator& group, float* in, float* out) {
             return group.all_reduce(in, out, 4, DType::kF32, Reduce::kMax, "a");
           });
}

void other_value(World& world, uint64_t, Failures& failures) {
  mismatch(world, failures, kUsualSum, "all_reduce of %b: 4 x f32, sum", usual_sum,
           [](Communicator& group, float* in, float* out) {
             return group.all_reduce(in, out, 4, DType::kF32, Reduce::kSum, "b");
           });
}

void other_root(World& world, uint64_t, Failures& failures) {
  const auto from = [](int root) {
    return [root](Communicator& group, float*, float* out) {
      return group.broadcast(out, 4, DType::kF32, root, "a");
    };
  };
  mismatch(world, failures, "broadcast of %a: 4 x f32, from 0", "broadcast of %a: 4 x f32, from 1",
           from(0), from(1));
}

// The last rank comes later than the others wait.
void a_rank_does_not_come(World& world, uint64_t, Failures& failures) {
  const auto group = whole(world, "tp", failures);
  if (group == nullptr || world.size() < 2) return;
  const int late = world.size() - 1;
  const Status first = group->barrier("start");
  if (!first.ok()) return failures.push_back(first.message());
  if (world.rank() == late) make_system_clock()->sleep_s(4 * kShort_s);
  float value = 0;
  const Status status = group->all_reduce(&value, &value, 1, DType::kF32, Reduce::kSum, "loss");
  expect_error(status, ErrorKind::kUnavailable,
               "all_reduce of %loss: 1 x f32, sum (#2 of group tp)", failures);
  expect_error(status, ErrorKind::kUnavailable, "waited 300.0 ms for rank", failures);
  expect_error(status, ErrorKind::kUnavailable,
               fmt::format("rank {}, last: barrier start (#1 of group tp) done", late), failures);
  expect_error(group->barrier("later"), ErrorKind::kUnavailable, "%loss", failures);
}

void a_rank_aborts(World& world, uint64_t, Failures& failures) {
  constexpr std::string_view kCause = "rank 1 failed: the disk is full";
  const auto group = whole(world, "tp", failures);
  if (group == nullptr || world.size() < 2) return;
  const Status start = group->barrier("start");
  if (!start.ok()) expect_error(start, ErrorKind::kUnavailable, kCause, failures);
  if (world.rank() == 1) world.abort(Error{ErrorKind::kIo, "the disk is full"});
  expect_error(group->barrier("end"), ErrorKind::kUnavailable, kCause, failures);
  world.abort(Error{ErrorKind::kIo, "another error"});
  expect_error(group->barrier("later"), ErrorKind::kUnavailable, kCause, failures);
}

constexpr WorldOptions kChecked = {.check_calls = true};

constexpr ConformanceCheck kFailingChecks[] = {
    {"another kind", other_kind, kChecked},
    {"another count", other_count, kChecked},
    {"another dtype", other_dtype, kChecked},
    {"another reduction", other_reduction, kChecked},
    {"another value", other_value, kChecked},
    {"another root", other_root, kChecked},
    {"a rank does not come", a_rank_does_not_come, {.timeout_s = kShort_s}},
    {"a rank aborts", a_rank_aborts},
};

}  // namespace

std::span<const ConformanceCheck> conformance_checks() { return kChecks; }
std::span<const ConformanceCheck> failing_checks() { return kFailingChecks; }

Failures run_conformance(World& world, uint64_t seed) {
  Failures all;
  for (const ConformanceCheck& check : kChecks) {
    Failures found;
    check.run(world, seed, found);
    for (const std::string& failure : found) {
      all.push_back(fmt::format("{}: {}", check.name, failure));
    }
  }
  return all;
}

}  // namespace tutti
