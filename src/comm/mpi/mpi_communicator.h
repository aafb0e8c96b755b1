// A communicator over MPI. A collective call first waits, sleeping, until all ranks have come; then
// MPI moves the data.
#pragma once

#include <mpi.h>

#include <functional>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/mpi/mpi_call_record.h"
#include "comm/mpi/mpi_context.h"
#include "comm/mpi/mpi_messages.h"

namespace tutti {

class MpiCommunicator : public Communicator {
 public:
  // Of the ranks of `comm`, which are `ranks` of the world. The context must outlive it; `comm`
  // remains the caller's.
  MpiCommunicator(MpiContext& context, MPI_Comm comm, std::vector<int> ranks, std::string name);

  int rank() const override { return rank_; }
  const std::vector<int>& ranks() const override { return ranks_; }

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
  // A part of a buffer that one MPI call moves.
  struct Part {
    int64_t offset;  // bytes
    int count;       // elements
  };
  // What a rank reduces of a buffer.
  struct Piece {
    int64_t offset;  // bytes
    int64_t count;   // elements
  };
  using Pieces = std::vector<Piece>;  // by rank
  struct Message {
    const void* out = nullptr;
    int to = -1;
    void* in = nullptr;
    int from = -1;
  };
  using Pending = MpiPendingCall;
  using Move = std::function<Status(const Pending&)>;
  using Start = std::function<int(Part, MPI_Request*)>;

  // One call: recorded, and its failure the world's. `others` are of the world; `sent` is in bytes.
  Status run(const Call& call, const std::vector<int>& others, int64_t sent, const Move& body);
  // One call of the whole group; `move` runs when all have come.
  Status together(const Call& call, int64_t sent, const Move& move);
  Status arrive(const Pending& pending);
  Status compare_calls(const Pending& pending);
  Status compare_counts(const Pending& pending, const std::vector<int64_t>& in_counts,
                        const std::vector<int64_t>& out_counts);

  // One MPI call after the other, for parts of `count` elements of at most `bytes_max`.
  Status in_parts(const Pending& pending, int64_t count, int64_t bytes_max, const Start& start);
  // How many elements of each piece are reduced at once.
  int64_t part_count(DType dtype) const;
  Pieces part_of(const Pieces& pieces, int64_t index, DType dtype) const;
  // Of each rank's `in`: this rank's piece to scratch_, and the other pieces to their ranks.
  Status start_scatter(MpiRequests& requests, const void* in, const Pieces& pieces, DType dtype);
  // out[own.count] = what start_scatter() brought, with this rank's own.
  void reduce_scattered(const Call& call, const void* in, const Piece& own, void* out);
  // This rank's piece of `out` to the others, and theirs into it; nothing if there are no pieces.
  Status start_gather(MpiRequests& requests, void* out, const Pieces& pieces, DType dtype);
  Status poll(const Pending& pending, MpiRequests& requests);
  bool is_one_message(int64_t count, DType dtype) const;
  // Every rank's part of `in` to that rank; parts lie one after the other.
  Status exchange(const Pending& pending, const void* in, const std::vector<int64_t>& in_counts,
                  void* out, const std::vector<int64_t>& out_counts);

  Status message(const Call& call, const Message& message);
  Status compare_messages(const Pending& pending, const Message& message);

  MpiContext& context_;
  const MPI_Comm comm_;
  const std::vector<int> ranks_;
  const std::string name_;
  int rank_ = 0;
  std::vector<int> others_;  // of the world, without this one
  int64_t calls_ = 0;
  WireCount sent_;
  std::vector<char> scratch_;
};

}  // namespace tutti
