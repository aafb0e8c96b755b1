// Ranks that work together: the world, and communicators over groups of its ranks.
//
// A call blocks the thread that makes it until its part is done; it is made beside compute by
// making it from a Lane (comm/lane.h), whose ticket is the handle. All ranks of a group make the
// same calls in the same order. A reduction adds in one order that the group's size and the count
// fix, so equal calls give equal bits.
//
// Errors: kInvalidArgument when the ranks' calls do not match, before data moves (always by
// threads; by other backends with WorldOptions::check_calls); kUnavailable when a rank failed, or
// did not come within the timeout: the message says who waits, who is missing and where it was
// last. After an error the communicators of a world are broken: every call fails at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "collective/call.h"

namespace tutti {

class FlightRecorder;

// One rank of a group. Used by one thread at a time; different communicators by different threads.
// `name` is that of the value, for messages and checks. Counts are elements.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;                       // within the group
  virtual const std::vector<int>& ranks() const = 0;  // of the world, by rank in the group
  int size() const { return static_cast<int>(ranks().size()); }

  // out = the sum or maximum over ranks. `in` may be `out`.
  virtual Status all_reduce(const void* in, void* out, int64_t count, DType dtype, Reduce reduce,
                            std::string_view name) = 0;
  // out[count] = this rank's part of the reduction of in[size x count]. `out` may be this rank's
  // part of `in`.
  virtual Status reduce_scatter(const void* in, void* out, int64_t count, DType dtype,
                                Reduce reduce, std::string_view name) = 0;
  // out[size x count] = every rank's in[count]. `in` may be this rank's part of `out`.
  virtual Status all_gather(const void* in, void* out, int64_t count, DType dtype,
                            std::string_view name) = 0;
  // out[size x count]: part r is part rank() of rank r's in[size x count]. They must not overlap.
  virtual Status all_to_all(const void* in, void* out, int64_t count, DType dtype,
                            std::string_view name) = 0;
  // The same with a count for each pair: in_counts[r] goes to rank r, out_counts[r] comes from it;
  // parts lie one after the other.
  virtual Status all_to_all_v(const void* in, const std::vector<int64_t>& in_counts, void* out,
                              const std::vector<int64_t>& out_counts, DType dtype,
                              std::string_view name) = 0;
  virtual Status broadcast(void* data, int64_t count, DType dtype, int root,
                           std::string_view name) = 0;
  // Messages between two ranks arrive in order.
  virtual Status send(const void* data, int64_t count, DType dtype, int to,
                      std::string_view name) = 0;
  virtual Status receive(void* data, int64_t count, DType dtype, int from,
                         std::string_view name) = 0;
  // Sends to one rank and receives from another as one call: a step around a ring.
  virtual Status send_receive(const void* out, int to, void* in, int from, int64_t count,
                              DType dtype, std::string_view name) = 0;
  virtual Status barrier(std::string_view name) = 0;

  // What this rank has sent since the start, by the algorithm that moved it.
  virtual WireCount sent() const = 0;
};

struct WorldOptions {
  double timeout_s = 600;    // how long a call waits for a rank that has not come
  bool check_calls = false;  // compare every call with the other ranks'
  int recorded_calls = 256;  // that the flight recorder keeps
};

// This rank among all. Thread-safe. It must outlive its communicators.
class World {
 public:
  virtual ~World() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string_view backend() const = 0;  // "threads", "mpi"

  // A communicator of these ranks of the world, of which this is one, in this order. Every member
  // makes the call, and members make calls for groups that they share in the same order.
  virtual Result<std::unique_ptr<Communicator>> create_group(const std::vector<int>& ranks,
                                                             const std::string& name) = 0;
  // Says that this rank ends with an error. All ranks' calls then fail with kUnavailable, "rank 3
  // failed: ...", instead of waiting; so they do when a rank's World is destroyed and they wait for
  // it. The first error of a world is kept.
  virtual void abort(const Status& cause) = 0;

  // The last calls of this rank.
  virtual const FlightRecorder& recorder() const = 0;
};

}  // namespace tutti
