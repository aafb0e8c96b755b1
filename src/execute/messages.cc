#include "execute/messages.h"

namespace tutti {
namespace {

// The streams of all programs, in one order for all ranks.
std::map<std::string, StreamCalls> streams_of(const std::vector<const Program*>& programs) {
  std::map<std::string, StreamCalls> streams;
  for (const Program* program : programs) {
    for (StreamCalls& stream : step_messages(*program)) {
      const auto [found, added] = streams.try_emplace(stream.stream, stream);
      if (added) continue;
      auto& calls = found->second.calls;
      calls.insert(calls.end(), stream.calls.begin(), stream.calls.end());
    }
  }
  return streams;
}

}  // namespace

Result<std::unique_ptr<Messages>> Messages::create(World& world,
                                                   const std::vector<const Program*>& programs,
                                                   SpanRecorder* spans) {
  std::unique_ptr<Messages> result(new Messages(spans));
  for (const auto& [name, calls] : streams_of(programs)) {
    TUTTI_TRY(result->create_stream(world, programs.front()->mesh, calls));
  }
  result->before_ = result->sent();
  for (const Program* program : programs) {
    result->messages_.push_back(result->messages_of(*program));
  }
  return result;
}

Status Messages::create_stream(World& world, const Mesh& mesh, const StreamCalls& calls) {
  const int self = world.rank();
  const int peer = mesh.group(self, mesh.whole(Axis::kPp))[static_cast<size_t>(calls.peer_stage)];
  const std::vector<int> ranks = calls.sends ? std::vector{self, peer} : std::vector{peer, self};
  const std::string name = "pp " + calls.stream;
  const std::string span_name = fmt::format("{} {}", calls.sends ? "send" : "receive", name);
  TUTTI_ASSIGN(streams_[calls.stream],
               make_group_lane(world, ranks, name, calls.calls, span_name, spans_));
  return {};
}

std::vector<Messages::Message> Messages::messages_of(const Program& program) {
  std::vector<Message> messages;
  for (const Action& action : program.actions) {
    Message& message = messages.emplace_back();
    const bool sends = action.kind == ActionKind::kSend;
    if (!sends && action.kind != ActionKind::kReceive) continue;
    const Buffer& buffer = program.buffer(action.buffer);
    message.stream = &streams_.at(action.stream);
    message.sends = sends;
    message.dtype = buffer.type.dtype;
    message.count = buffer.elements();
    message.name = message_name(action);
    if (spans_ == nullptr) continue;
    message.span = spans_->name(
        fmt::format("{} {} ({} B)", sends ? "send" : "receive", message.name, buffer.bytes));
  }
  return messages;
}

void Messages::issue(size_t program, int action, char* data, bool awaited) {
  constexpr int kSender = 0, kReceiver = 1;  // in the stream's communicator
  Message& m = message(program, action);
  const auto job = [this, &m, data, step = step_]() -> Status {
    const ScopedSpan scoped(spans_, m.stream->lane.span_lane, m.span, step);
    Communicator& pair = *m.stream->communicator;
    if (m.sends) return pair.send(data, m.count, m.dtype, kReceiver, m.name);
    return pair.receive(data, m.count, m.dtype, kSender, m.name);
  };
  Lane& lane = *m.stream->lane.lane;
  m.ticket = awaited ? lane.run(job) : lane.submit(job);
}

Status Messages::wait(size_t program, int action) {
  const Message& m = message(program, action);
  return m.stream == nullptr ? Status() : m.stream->lane.lane->wait(m.ticket);
}

Status Messages::finish() {
  for (const auto& by_action : messages_) {
    for (const Message& m : by_action) {
      if (m.stream != nullptr) TUTTI_TRY(m.stream->lane.lane->wait(m.ticket));
    }
  }
  return {};
}

WireCount Messages::sent() const {
  WireCount total;
  for (const auto& [name, stream] : streams_) total += stream.communicator->sent();
  return total -= before_;
}

}  // namespace tutti
