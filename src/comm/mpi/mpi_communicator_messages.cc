#include <optional>

#include "comm/mpi/mpi_communicator.h"

namespace tutti {

Status MpiCommunicator::send(const void* data, int64_t count, DType dtype, int to,
                             std::string_view name) {
  return message({CallKind::kSend, dtype, count, Reduce::kNone, -1, std::string(name)},
                 {.out = data, .to = to});
}

Status MpiCommunicator::receive(void* data, int64_t count, DType dtype, int from,
                                std::string_view name) {
  return message({CallKind::kReceive, dtype, count, Reduce::kNone, -1, std::string(name)},
                 {.in = data, .from = from});
}

Status MpiCommunicator::send_receive(const void* out, int to, void* in, int from, int64_t count,
                                     DType dtype, std::string_view name) {
  return message({CallKind::kSendReceive, dtype, count, Reduce::kNone, -1, std::string(name)},
                 {out, to, in, from});
}

// Sleeps until whom it needs has come, then polls until the data has.
Status MpiCommunicator::message(const Call& call, const Message& message) {
  const int64_t bytes = call.count * static_cast<int64_t>(dtype_bytes(call.dtype));
  std::vector<int> others;
  for (const int peer : {message.to, message.from}) {
    if (peer >= 0) others.push_back(ranks_[static_cast<size_t>(peer)]);
  }
  return run(call, others, message.to >= 0 ? bytes : 0, [&](const Pending& pending) -> Status {
    if (context_.options.check_calls) TUTTI_TRY(compare_messages(pending, message));
    const int64_t bytes_max = context_.message_bytes_max;
    std::optional<MpiSending> sending;
    std::optional<MpiReceiving> receiving;
    if (message.to >= 0) sending.emplace(comm_, message.out, bytes, message.to, bytes_max);
    if (message.from >= 0) receiving.emplace(comm_, message.in, bytes, message.from, bytes_max);
    const MpiContext::Poll done = [&]() -> Result<bool> {
      bool all = true;
      if (receiving) {
        TUTTI_ASSIGN(all, receiving->done());
      }
      if (sending) {
        TUTTI_ASSIGN(const bool sent, sending->done());
        all = all && sent;
      }
      return all;
    };
    const MpiContext::Poll arrived = [&]() -> Result<bool> {
      TUTTI_TRY(done());
      return (!sending || sending->arrived()) && (!receiving || receiving->arrived());
    };
    TUTTI_TRY(context_.wait(pending, MpiContext::Pace::kSleep, arrived));
    context_.recorder.set_running(pending.record);
    return context_.wait(pending, MpiContext::Pace::kPoll, done);
  });
}

// Either side gets the other's record.
Status MpiCommunicator::compare_messages(const Pending& pending, const Message& message) {
  constexpr int64_t kBytes = sizeof(MpiCallRecord);
  const MpiCallRecord mine = record_of(pending.call);
  MpiCallRecord receiver, sender;
  MpiRequests requests;
  const auto exchange = [&](int peer, MpiTag out, MpiTag in, MpiCallRecord& theirs) -> Status {
    if (peer < 0) return {};
    TUTTI_TRY(requests.receive(comm_, &theirs, kBytes, peer, in, kBytes));
    return requests.send(comm_, &mine, kBytes, peer, out, kBytes);
  };
  TUTTI_TRY(exchange(message.to, MpiTag::kSenderRecord, MpiTag::kReceiverRecord, receiver));
  TUTTI_TRY(exchange(message.from, MpiTag::kReceiverRecord, MpiTag::kSenderRecord, sender));
  TUTTI_TRY(context_.wait(pending, MpiContext::Pace::kSleep, [&] { return requests.done(); }));

  const int self = ranks_[static_cast<size_t>(rank_)];
  if (message.to >= 0) {
    const int to = ranks_[static_cast<size_t>(message.to)];
    TUTTI_TRY(check_message({self, mine}, {to, receiver}, name_, pending.number));
  }
  if (message.from < 0) return {};
  return check_message({ranks_[static_cast<size_t>(message.from)], sender}, {self, mine}, name_,
                       pending.number);
}

}  // namespace tutti
