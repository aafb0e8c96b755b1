#include "comm/mpi/mpi_messages.h"

#include <algorithm>

#include "base/format.h"
#include "comm/mpi/mpi_types.h"

namespace tutti {
namespace {

// What any MPI moves without the receiver's doing, or in few steps.
constexpr int64_t kSmallBytes = int64_t{64} << 10;

int first_part(int64_t bytes, int64_t bytes_max) {
  return static_cast<int>(std::min(bytes, bytes_max));
}

}  // namespace

Status MpiRequests::send(MPI_Comm comm, const void* data, int64_t bytes, int to, MpiTag tag,
                         int64_t bytes_max) {
  const char* from = static_cast<const char*>(data);
  do {
    const int part = first_part(bytes, bytes_max);
    TUTTI_TRY(mpi_status(MPI_Isend(from, part, MPI_BYTE, to, static_cast<int>(tag), comm, add()),
                         "sending"));
    from += part;
    bytes -= part;
  } while (bytes > 0);
  return {};
}

Status MpiRequests::receive(MPI_Comm comm, void* data, int64_t bytes, int from, MpiTag tag,
                            int64_t bytes_max) {
  char* to = static_cast<char*>(data);
  do {
    const int part = first_part(bytes, bytes_max);
    TUTTI_TRY(mpi_status(MPI_Irecv(to, part, MPI_BYTE, from, static_cast<int>(tag), comm, add()),
                         "receiving"));
    to += part;
    bytes -= part;
  } while (bytes > 0);
  return {};
}

Result<bool> MpiRequests::done() {
  int done = 0;
  const int code =
      MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE);
  TUTTI_TRY(mpi_status(code, "moving data"));
  if (done) requests_.clear();
  return done != 0;
}

MpiSending::MpiSending(MPI_Comm comm, const void* data, int64_t bytes, int to, int64_t bytes_max)
    : comm_(comm), data_(data), bytes_(bytes), to_(to), bytes_max_(bytes_max) {}

Result<bool> MpiSending::done() {
  if (state_ == State::kNew) {
    state_ = State::kWaits;
    if (bytes_ > kSmallBytes) {
      TUTTI_TRY(requests_.receive(comm_, nullptr, 0, to_, MpiTag::kReady, bytes_max_));
    }
  }
  TUTTI_ASSIGN(const bool done, requests_.done());
  if (!done || state_ == State::kMoves) return done;
  state_ = State::kMoves;
  TUTTI_TRY(requests_.send(comm_, data_, bytes_, to_, MpiTag::kData, bytes_max_));
  return requests_.done();
}

MpiReceiving::MpiReceiving(MPI_Comm comm, void* data, int64_t bytes, int from, int64_t bytes_max)
    : comm_(comm), data_(data), bytes_(bytes), from_(from), bytes_max_(bytes_max) {}

Result<bool> MpiReceiving::done() {
  if (state_ == State::kMoves) return requests_.done();
  if (state_ == State::kNew) {
    state_ = State::kWaits;
    if (bytes_ > kSmallBytes) {
      TUTTI_TRY(requests_.send(comm_, nullptr, 0, from_, MpiTag::kReady, bytes_max_));
    }
  }
  int found = 0;
  MPI_Message message;
  MPI_Status envelope;
  TUTTI_TRY(mpi_status(
      MPI_Improbe(from_, static_cast<int>(MpiTag::kData), comm_, &found, &message, &envelope),
      "looking for a message"));
  if (!found) return false;
  state_ = State::kMoves;
  TUTTI_TRY(receive_from(&message, envelope));
  return requests_.done();
}

// The first part as announced, then the rest.
Status MpiReceiving::receive_from(MPI_Message* message, const MPI_Status& envelope) {
  int got = 0;
  MPI_Get_count(&envelope, MPI_BYTE, &got);
  const int part = first_part(bytes_, bytes_max_);
  if (got != part) {
    return invalid("a message of {} where {} were expected: the ranks' calls do not match",
                   human_bytes(static_cast<uint64_t>(got)),
                   human_bytes(static_cast<uint64_t>(part)));
  }
  TUTTI_TRY(mpi_status(MPI_Imrecv(data_, part, MPI_BYTE, message, requests_.add()), "receiving"));
  if (part == bytes_) return {};
  return requests_.receive(comm_, static_cast<char*>(data_) + part, bytes_ - part, from_,
                           MpiTag::kData, bytes_max_);
}

}  // namespace tutti
