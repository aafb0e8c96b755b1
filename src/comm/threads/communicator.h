// A communicator whose ranks are threads: the calls read and write the ranks' buffers directly.
#pragma once

#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/threads/group.h"
#include "comm/threads/shared_world.h"

namespace tutti {

class ThreadCommunicator : public Communicator {
 public:
  // `rank` is within the group. World and group must outlive it.
  ThreadCommunicator(SharedWorld& world, Group& group, int rank);

  int rank() const override { return rank_; }
  const std::vector<int>& ranks() const override { return group_.ranks(); }

  Status all_reduce(const void* in, void* out, int64_t count, DType dtype, Reduce reduce,
                    std::string_view name) override;
  Status reduce_scatter(const void* in, void* out, int64_t count, DType dtype, Reduce reduce,
                        std::string_view name) override;
  Status all_gather(const void* in, void* out, int64_t count, DType dtype,
                    std::string_view name) override;
  Status all_to_all(const void* in, void* out, int64_t count, DType dtype,
                    std::string_view name) override;
  Status all_to_all_v(const void* in, const std::vector<int64_t>& in_counts, void* out,
                      const std::vector<int64_t>& out_counts, DType dtype,
                      std::string_view name) override;
  Status broadcast(void* data, int64_t count, DType dtype, int root,
                   std::string_view name) override;
  Status send(const void* data, int64_t count, DType dtype, int to, std::string_view name) override;
  Status receive(void* data, int64_t count, DType dtype, int from, std::string_view name) override;
  Status send_receive(const void* out, int to, void* in, int from, int64_t count, DType dtype,
                      std::string_view name) override;
  Status barrier(std::string_view name) override;

  WireCount sent() const override { return sent_; }

 private:
  // A Call whose name is not copied.
  struct Request {
    CallKind kind;
    int64_t count = 0;
    DType dtype = DType::kF32;
    std::string_view name;
    Reduce reduce = Reduce::kNone;
    int root = -1;
  };
  struct Piece {
    int64_t begin, count;
  };

  // Makes `request` the present call, and tells the recorder.
  int64_t begin(const Request& request);
  Status end(int64_t id, const Status& status, int64_t sent);
  // A call that all ranks make. `move` moves this rank's part of the data, when all have come, and
  // returns how many elements it has sent.
  template <typename Move>
  Status together(const Request& request, const void* in, void* out, const Move& move);
  // The messages of the present call.
  Status post_and_take(const void* out, int to, void* in, int from);

  Post& post(int rank) { return group_.post(rank); }
  // Elements [begin, begin + count) of `total`: what this rank reduces or copies for all.
  Piece my_piece(int64_t total) const;
  // Reduces `count` elements from `offset` on of every rank's input to results_.
  void reduce_inputs(const Request& request, int64_t offset, int64_t count);

  Group& group_;
  const int rank_;
  FlightRecorder& recorder_;
  int64_t calls_ = 0;
  Call call_;  // the present one
  WireCount sent_;
  std::vector<const void*> operands_;
  std::vector<void*> results_;
};

}  // namespace tutti
