#include "collective/call.h"

#include <fmt/format.h>

#include <numeric>

namespace tutti {

std::string_view call_name(CallKind kind) {
  constexpr std::array<std::string_view, kCallKinds> kNames = {
      "all_reduce", "reduce_scatter", "all_gather", "all_to_all",   "all_to_all_v",
      "broadcast",  "send",           "receive",    "send_receive", "barrier"};
  return kNames[static_cast<size_t>(kind)];
}

std::string to_string(const Call& call) {
  if (call.kind == CallKind::kBarrier) return fmt::format("barrier {}", call.name);
  std::string text = fmt::format("{} of %{}: {} x {}", call_name(call.kind), call.name, call.count,
                                 dtype_name(call.dtype));
  if (call.reduce != Reduce::kNone) text += call.reduce == Reduce::kMax ? ", max" : ", sum";
  if (call.root >= 0) text += fmt::format(", from {}", call.root);
  return text;
}

int64_t wire_bytes(const Call& call, int size) {
  const int64_t bytes = call.count * static_cast<int64_t>(dtype_bytes(call.dtype));
  const int64_t others = size - 1;
  switch (call.kind) {
    case CallKind::kAllReduce:
      return 2 * others * bytes;
    case CallKind::kReduceScatter:
    case CallKind::kAllGather:
    case CallKind::kAllToAll:
      return size * others * bytes;
    case CallKind::kBroadcast:
      return others * bytes;
    case CallKind::kSend:
      return bytes;
    case CallKind::kSendReceive:
      return size * bytes;
    case CallKind::kAllToAllV:
    case CallKind::kReceive:
    case CallKind::kBarrier:
      return 0;
  }
  return 0;
}

int64_t WireCount::total_bytes() const {
  return std::accumulate(bytes.begin(), bytes.end(), int64_t{0});
}

WireCount& WireCount::operator-=(const WireCount& other) {
  for (size_t i = 0; i < kCallKinds; ++i) {
    calls[i] -= other.calls[i];
    bytes[i] -= other.bytes[i];
  }
  return *this;
}

WireCount& WireCount::operator+=(const WireCount& other) {
  for (size_t i = 0; i < kCallKinds; ++i) {
    calls[i] += other.calls[i];
    bytes[i] += other.bytes[i];
  }
  return *this;
}

}  // namespace tutti
