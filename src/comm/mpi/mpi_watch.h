// A thread of each rank that answers where the rank is, and through which ranks hear that another
// one ends the job. It polls, for MPI has nothing to wait on, ten times a second.
//
// Thread-safe.
#pragma once

#include <mpi.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "comm/flight_recorder.h"

namespace tutti {

// Where a rank is.
struct Whereabouts {
  bool in_call = false;  // that it was asked about
  std::string text;      // FlightRecorder::describe
};

class MpiWatch {
 public:
  // Collective. `comm` is the world's, for this class alone; `on_end` hears the cause when another
  // rank ends the job.
  MpiWatch(MPI_Comm comm, const FlightRecorder& recorder,
           std::function<void(const std::string& cause)> on_end);
  // Stops the thread; the communicator remains the caller's.
  ~MpiWatch();
  MpiWatch(const MpiWatch&) = delete;
  MpiWatch& operator=(const MpiWatch&) = delete;

  int rank() const { return rank_; }

  // Asks all ranks, this one too; nothing for those that do not answer within a second.
  std::vector<std::optional<Whereabouts>> ask(const Call& call, std::string_view group);

  // Tells all other ranks that this one ends the job. False when another one does, which then also
  // says why: one that told so before, or a lower one that did at the same time.
  bool announce_end(const std::string& cause);

 private:
  struct Question;

  void work();
  bool handle_message();
  void answer(const Question& question, int from);
  void send(std::string bytes, int to, int tag);

  const MPI_Comm comm_;
  const FlightRecorder& recorder_;
  const std::function<void(const std::string&)> on_end_;
  int rank_ = 0;
  int size_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  int hurrying_ = 0;  // somebody waits for messages
  int64_t last_question_ = 0;
  std::map<int64_t, std::vector<std::optional<Whereabouts>>> answers_;  // by question, by rank
  std::optional<int> ended_by_;  // the lowest rank that told so

  struct Outgoing {
    std::string bytes;
    MPI_Request request;
  };
  std::mutex sending_;
  std::list<Outgoing> outgoing_;  // that MPI may still read
  std::thread thread_;
};

}  // namespace tutti
