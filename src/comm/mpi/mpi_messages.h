// Messages between two ranks of a communicator, as steps that their owner polls: nothing here
// blocks.
//
// The sender of a large message waits for the receiver's word that it is there; before, there is
// nothing to do for either but to sleep. From then on the data needs both to poll without pause. A
// small message leaves at once.
//
// Buffers must live until done() says so.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <vector>

#include "base/status.h"

namespace tutti {

// Tags of what ranks send each other within a communicator.
enum class MpiTag : int { kData, kReady, kExchange, kSenderRecord, kReceiverRecord };

// Requests that end together.
class MpiRequests {
 public:
  // As many messages of at most bytes_max as it takes.
  Status send(MPI_Comm comm, const void* data, int64_t bytes, int to, MpiTag tag,
              int64_t bytes_max);
  Status receive(MPI_Comm comm, void* data, int64_t bytes, int from, MpiTag tag, int64_t bytes_max);
  // A request for MPI to fill.
  MPI_Request* add() { return &requests_.emplace_back(MPI_REQUEST_NULL); }
  // Tests all. True when there are none.
  Result<bool> done();

 private:
  std::vector<MPI_Request> requests_;
};

class MpiSending {
 public:
  MpiSending(MPI_Comm comm, const void* data, int64_t bytes, int to, int64_t bytes_max);

  // Does what can be done now.
  Result<bool> done();
  // The receiver has come, or need not have.
  bool arrived() const { return state_ == State::kMoves; }

 private:
  enum class State { kNew, kWaits, kMoves };

  MPI_Comm comm_;
  const void* data_;
  int64_t bytes_;
  int to_;
  int64_t bytes_max_;
  State state_ = State::kNew;
  MpiRequests requests_;
};

class MpiReceiving {
 public:
  MpiReceiving(MPI_Comm comm, void* data, int64_t bytes, int from, int64_t bytes_max);

  Result<bool> done();
  // The sender has come.
  bool arrived() const { return state_ == State::kMoves; }

 private:
  enum class State { kNew, kWaits, kMoves };
  Status receive_from(MPI_Message* message, const MPI_Status& envelope);

  MPI_Comm comm_;
  void* data_;
  int64_t bytes_;
  int from_;
  int64_t bytes_max_;
  State state_ = State::kNew;
  MpiRequests requests_;
};

}  // namespace tutti
