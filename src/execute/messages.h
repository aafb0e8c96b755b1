// The messages between one rank's programs and those of other stages: for each stream a
// communicator of its two ranks and a lane, and the messages under way.
//
// Used by one thread (lanes are its own).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "execute/traced_lane.h"
#include "program/calls.h"
#include "program/program.h"

namespace tutti {

class Messages {
 public:
  // For the streams of all `programs`, with the same messages on both sides or an error that names
  // the first that differs. `world`, `programs` and `spans` (which may be null) must outlive this.
  static Result<std::unique_ptr<Messages>> create(World& world,
                                                  const std::vector<const Program*>& programs,
                                                  SpanRecorder* spans);

  // Starts the send or receive that is action `action` of program `program`, from or to `data`.
  // `awaited`: the caller waits for it before anything else.
  void issue(size_t program, int action, char* data, bool awaited);
  // Until that action's last issue is done. At once when it was never issued.
  Status wait(size_t program, int action);
  // Until all is done.
  Status finish();

  WireCount sent() const;
  void set_step(int64_t step) { step_ = step; }

 private:
  struct Message {
    GroupLane* stream = nullptr;  // null: the action is none
    bool sends = false;
    int64_t count = 0;
    DType dtype = DType::kF32;
    std::string name;
    SpanNameId span;
    Lane::Ticket ticket = 0;
  };

  explicit Messages(SpanRecorder* spans) : spans_(spans) {}
  Status create_stream(World& world, const Mesh& mesh, const StreamCalls& calls);
  std::vector<Message> messages_of(const Program& program);
  Message& message(size_t program, int action) {
    return messages_[program][static_cast<size_t>(action)];
  }

  SpanRecorder* spans_;
  WireCount before_;  // sent by the checks at the start
  int64_t step_ = 0;
  std::vector<std::vector<Message>> messages_;  // by program and action
  std::map<std::string, GroupLane> streams_;    // by name; last: their lanes' jobs read messages
};

}  // namespace tutti
