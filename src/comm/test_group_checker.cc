#include "comm/test_group_checker.h"

#include <algorithm>
#include <cstring>

#include "tensor/float_conversion.h"

namespace tutti {
namespace {

// Distinct ranks, elements and calls give unrelated numbers (the finaliser of MurmurHash3).
uint32_t mixed(uint64_t key) {
  key = (key ^ key >> 33) * 0xFF51AFD7ED558CCDu;
  return static_cast<uint32_t>(key >> 33);
}

template <typename T>
void put(char* to, T value) {
  std::memcpy(to, &value, sizeof(value));
}

const char* place(bool in_place) { return in_place ? "in place" : "not in place"; }

}  // namespace

void TestValues::set(int64_t i, int value) {
  char* const to = static_cast<char*>(data(i));
  const auto real = static_cast<float>(value);
  switch (dtype_) {
    case DType::kF32:
      return put(to, real);
    case DType::kBF16:
      return put(to, f32_to_bf16(real));
    case DType::kF16:
      return put(to, f32_to_f16(real));
    case DType::kF64:
      return put(to, static_cast<double>(value));
    case DType::kI64:
      return put(to, static_cast<int64_t>(value));
    case DType::kI32:
      return put(to, static_cast<int32_t>(value));
    case DType::kU16:
      return put(to, static_cast<uint16_t>(value));
    case DType::kU8:
      return put(to, static_cast<uint8_t>(value));
  }
}

int GroupChecker::given(DType dtype, int r, int64_t i) const {
  const auto rank = static_cast<uint64_t>(group_.ranks()[static_cast<size_t>(r)]);
  const uint64_t call = (seed_ + calls_) << 40;
  const int value = static_cast<int>(mixed(call ^ rank << 32 ^ static_cast<uint64_t>(i)) % 16);
  return dtype == DType::kU8 || dtype == DType::kU16 ? value : value - 8;
}

TestValues GroupChecker::input(DType dtype, int r, int64_t count) const {
  TestValues values(dtype, count);
  for (int64_t i = 0; i < count; ++i) values.set(i, given(dtype, r, i));
  return values;
}

int GroupChecker::reduced(DType dtype, Reduce reduce, int64_t i) const {
  int value = given(dtype, 0, i);
  for (int r = 1; r < group_.size(); ++r) {
    const int other = given(dtype, r, i);
    value = reduce == Reduce::kSum ? value + other : std::max(value, other);
  }
  return value;
}

int64_t GroupChecker::pair_count(int64_t count, int from, int to) const {
  return mixed((seed_ + calls_) << 20 ^ static_cast<uint64_t>(from * 1000 + to)) % (count + 1);
}

void GroupChecker::expect_cost(CallKind kind, int64_t count, DType dtype) {
  Call call;
  call.kind = kind;
  call.count = count;
  call.dtype = dtype;
  cost_.bytes[static_cast<size_t>(kind)] += wire_bytes(call, group_.size());
}

void GroupChecker::expect(const Status& status, TestValues& found, const TestValues& expected,
                          const std::string& what) {
  if (status.ok() && found == expected) return;
  failures_.push_back(fmt::format("{} over {} ranks, rank {}: {}", what, group_.size(),
                                  group_.rank(), status.ok() ? "wrong values" : status.message()));
}

void GroupChecker::all_reduce(int64_t count, DType dtype, Reduce reduce, bool in_place) {
  next_call();
  TestValues in = input(dtype, group_.rank(), count), out(dtype, count), expected(dtype, count);
  for (int64_t i = 0; i < count; ++i) expected.set(i, reduced(dtype, reduce, i));
  TestValues& found = in_place ? in : out;
  const Status status = group_.all_reduce(in.data(), found.data(), count, dtype, reduce, "a");
  expect(status, found, expected,
         fmt::format("all_reduce of {} {}, {}", count, dtype_name(dtype), place(in_place)));
  expect_cost(CallKind::kAllReduce, count, dtype);
}

void GroupChecker::reduce_scatter(int64_t count, DType dtype, Reduce reduce, bool in_place) {
  next_call();
  const int64_t begin = group_.rank() * count;
  TestValues in = input(dtype, group_.rank(), group_.size() * count);
  TestValues out(dtype, count), expected(dtype, count);
  for (int64_t i = 0; i < count; ++i) expected.set(i, reduced(dtype, reduce, begin + i));
  void* const to = in_place ? in.data(begin) : out.data();
  const Status status = group_.reduce_scatter(in.data(), to, count, dtype, reduce, "a");
  if (in_place && count > 0) {
    std::memcpy(out.data(), to, static_cast<size_t>(count) * dtype_bytes(dtype));
  }
  expect(status, out, expected,
         fmt::format("reduce_scatter of {} {}, {}", count, dtype_name(dtype), place(in_place)));
  expect_cost(CallKind::kReduceScatter, count, dtype);
}

void GroupChecker::all_gather(int64_t count, DType dtype, bool in_place) {
  next_call();
  TestValues in = input(dtype, group_.rank(), count), out(dtype, group_.size() * count);
  TestValues expected = out;
  for (int64_t i = 0; i < group_.size() * count; ++i) {
    expected.set(i, given(dtype, static_cast<int>(i / count), i % count));
  }
  void* const mine = out.data(group_.rank() * count);
  if (in_place && count > 0) {
    std::memcpy(mine, in.data(), static_cast<size_t>(count) * dtype_bytes(dtype));
  }
  const void* const from = in_place ? mine : in.data();
  expect(group_.all_gather(from, out.data(), count, dtype, "a"), out, expected,
         fmt::format("all_gather of {} {}, {}", count, dtype_name(dtype), place(in_place)));
  expect_cost(CallKind::kAllGather, count, dtype);
}

void GroupChecker::all_to_all(int64_t count, DType dtype) {
  next_call();
  const int64_t total = group_.size() * count;
  TestValues in = input(dtype, group_.rank(), total), out(dtype, total), expected(dtype, total);
  for (int64_t i = 0; i < total; ++i) {
    const auto from = static_cast<int>(i / count);
    expected.set(i, given(dtype, from, group_.rank() * count + i % count));
  }
  expect(group_.all_to_all(in.data(), out.data(), count, dtype, "a"), out, expected,
         fmt::format("all_to_all of {} {}", count, dtype_name(dtype)));
  expect_cost(CallKind::kAllToAll, count, dtype);
}

void GroupChecker::all_to_all_v(int64_t count, DType dtype) {
  next_call();
  const int me = group_.rank();
  std::vector<int64_t> in_counts, out_counts;
  int64_t in_total = 0, out_total = 0, crossing = 0;
  for (int r = 0; r < group_.size(); ++r) {
    in_total += in_counts.emplace_back(pair_count(count, me, r));
    out_total += out_counts.emplace_back(pair_count(count, r, me));
    for (int to = 0; to < group_.size(); ++to) {
      if (to != r) crossing += pair_count(count, r, to);
    }
  }
  TestValues in = input(dtype, me, in_total), out(dtype, out_total), expected(dtype, out_total);
  int64_t at = 0;
  for (int r = 0; r < group_.size(); ++r) {
    int64_t begin = 0;
    for (int to = 0; to < me; ++to) begin += pair_count(count, r, to);
    for (int64_t i = 0; i < pair_count(count, r, me); ++i) {
      expected.set(at++, given(dtype, r, begin + i));
    }
  }
  expect(group_.all_to_all_v(in.data(), in_counts, out.data(), out_counts, dtype, "a"), out,
         expected, fmt::format("all_to_all_v of up to {} {}", count, dtype_name(dtype)));
  cost_.bytes[static_cast<size_t>(CallKind::kAllToAllV)] +=
      crossing * static_cast<int64_t>(dtype_bytes(dtype));
}

void GroupChecker::broadcast(int64_t count, DType dtype, int root) {
  next_call();
  TestValues data = input(dtype, group_.rank(), count);
  const TestValues expected = input(dtype, root, count);
  expect(group_.broadcast(data.data(), count, dtype, root, "a"), data, expected,
         fmt::format("broadcast of {} {} from {}", count, dtype_name(dtype), root));
  expect_cost(CallKind::kBroadcast, count, dtype);
}

void GroupChecker::message(int64_t count, DType dtype, int from, int to) {
  next_call();
  TestValues given = input(dtype, from, count), got(dtype, count);
  const std::string what = fmt::format("{} {} from {} to {}", count, dtype_name(dtype), from, to);
  if (group_.rank() == from) {
    expect(group_.send(given.data(), count, dtype, to, "a"), given, given, "send of " + what);
  } else if (group_.rank() == to) {
    const Status status = group_.receive(got.data(), count, dtype, from, "a");
    expect(status, got, given, "receive of " + what);
  }
  expect_cost(CallKind::kSend, count, dtype);
}

void GroupChecker::ring(int64_t count, DType dtype, int steps) {
  next_call();
  const int size = group_.size();
  const int to = (group_.rank() + steps) % size;
  const int from = (group_.rank() + size - steps % size) % size;
  TestValues out = input(dtype, group_.rank(), count), in(dtype, count);
  const TestValues expected = input(dtype, from, count);
  expect(group_.send_receive(out.data(), to, in.data(), from, count, dtype, "a"), in, expected,
         fmt::format("send_receive of {} {} by {}", count, dtype_name(dtype), steps));
  expect_cost(CallKind::kSendReceive, count, dtype);
}

void GroupChecker::barrier() {
  next_call();
  TestValues nothing(DType::kU8, 0);
  expect(group_.barrier("a"), nothing, nothing, "barrier");
}

void GroupChecker::every_call(int64_t count, DType dtype) {
  for (const bool in_place : {false, true}) {
    for (const Reduce reduce : {Reduce::kSum, Reduce::kMax}) {
      all_reduce(count, dtype, reduce, in_place);
      reduce_scatter(count, dtype, reduce, in_place);
    }
    all_gather(count, dtype, in_place);
  }
  all_to_all(count, dtype);
  all_to_all_v(count, dtype);
  broadcast(count, dtype, group_.size() - 1);
  if (group_.size() > 1) {
    message(count, dtype, 0, group_.size() - 1);
    message(count, dtype, 1, 0);
  }
  ring(count, dtype, 1);
  barrier();
}

void GroupChecker::bytes_on_the_wire() {
  const WireCount mine = group_.sent();
  const auto size = static_cast<size_t>(group_.size());
  std::vector<std::array<int64_t, kCallKinds>> all(size);
  const Status status =
      group_.all_gather(mine.bytes.data(), all.data(), kCallKinds, DType::kI64, "bytes");
  if (!status.ok()) return failures_.push_back(status.message());
  for (size_t kind = 0; kind < kCallKinds; ++kind) {
    int64_t sum = 0;
    for (const auto& bytes : all) sum += bytes[kind];
    if (sum == cost_.bytes[kind]) continue;
    failures_.push_back(fmt::format("{}: {} bytes on the wire, expected {}",
                                    call_name(static_cast<CallKind>(kind)), sum,
                                    cost_.bytes[kind]));
  }
  expect_cost(CallKind::kAllGather, kCallKinds, DType::kI64);
}

}  // namespace tutti
