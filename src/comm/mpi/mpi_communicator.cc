#include "comm/mpi/mpi_communicator.h"

#include <algorithm>
#include <numeric>

#include "comm/bytes.h"
#include "comm/mpi/mpi_types.h"
#include "comm/reduce.h"

namespace tutti {
namespace {

// Of each rank at once in a reduction. What is added is then still in the cache to which it was
// copied: three times faster than tens of megabytes at once.
constexpr int64_t kReduceBytes = int64_t{256} << 10;

int64_t divide_up(int64_t count, int64_t parts) { return (count + parts - 1) / parts; }

int64_t sum(const std::vector<int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

}  // namespace

MpiCommunicator::MpiCommunicator(MpiContext& context, MPI_Comm comm, std::vector<int> ranks,
                                 std::string name)
    : context_(context), comm_(comm), ranks_(std::move(ranks)), name_(std::move(name)) {
  MPI_Comm_rank(comm_, &rank_);
  others_ = ranks_;
  others_.erase(others_.begin() + rank_);
}

Status MpiCommunicator::run(const Call& call, const std::vector<int>& others, int64_t sent,
                            const Move& body) {
  TUTTI_TRY(context_.failure());
  const int64_t number = ++calls_;
  const int64_t record = context_.recorder.begin(call, name_, number);
  const Status status = body({call, name_, number, others, record, context_.clock->monotonic_s()});
  context_.recorder.end(record, status.ok());
  if (!status.ok()) return context_.fail(status);
  const auto kind = static_cast<size_t>(call.kind);
  ++sent_.calls[kind];
  sent_.bytes[kind] += sent;
  return {};
}

Status MpiCommunicator::together(const Call& call, int64_t sent, const Move& move) {
  return run(call, others_, sent, [&](const Pending& pending) -> Status {
    TUTTI_TRY(context_.options.check_calls ? compare_calls(pending) : arrive(pending));
    context_.recorder.set_running(pending.record);
    return move(pending);
  });
}

Status MpiCommunicator::arrive(const Pending& pending) {
  MpiRequests requests;
  TUTTI_TRY(mpi_status(MPI_Ibarrier(comm_, requests.add()), "waiting for ranks"));
  return context_.wait(pending, MpiContext::Pace::kSleep, [&] { return requests.done(); });
}

Status MpiCommunicator::compare_calls(const Pending& pending) {
  constexpr int kBytes = sizeof(MpiCallRecord);
  const MpiCallRecord mine = record_of(pending.call);
  std::vector<MpiCallRecord> all(ranks_.size());
  MpiRequests requests;
  TUTTI_TRY(mpi_status(
      MPI_Iallgather(&mine, kBytes, MPI_BYTE, all.data(), kBytes, MPI_BYTE, comm_, requests.add()),
      "comparing calls"));
  TUTTI_TRY(context_.wait(pending, MpiContext::Pace::kSleep, [&] { return requests.done(); }));
  return check_same_call(all, ranks_, name_, pending.number);
}

Status MpiCommunicator::poll(const Pending& pending, MpiRequests& requests) {
  return context_.wait(pending, MpiContext::Pace::kPoll, [&] { return requests.done(); });
}

Status MpiCommunicator::in_parts(const Pending& pending, int64_t count, int64_t bytes_max,
                                 const Start& start) {
  const DType dtype = pending.call.dtype;
  const int64_t count_max =
      std::max<int64_t>(1, std::min(bytes_max, context_.message_bytes_max) / bytes_of(1, dtype));
  for (int64_t begin = 0; begin < count; begin += count_max) {
    const Part part = {bytes_of(begin, dtype),
                       static_cast<int>(std::min(count_max, count - begin))};
    MpiRequests requests;
    TUTTI_TRY(mpi_status(start(part, requests.add()), "starting to move data"));
    TUTTI_TRY(poll(pending, requests));
  }
  return {};
}

bool MpiCommunicator::is_one_message(int64_t count, DType dtype) const {
  return bytes_of(count, dtype) <= context_.message_bytes_max;
}

Status MpiCommunicator::all_reduce(const void* in, void* out, int64_t count, DType dtype,
                                   Reduce reduce, std::string_view name) {
  const Call call = {CallKind::kAllReduce, dtype, count, reduce, -1, std::string(name)};
  Pieces pieces;
  for (int64_t r = 0; r < size(); ++r) {
    const int64_t begin = count * r / size();
    pieces.push_back({bytes_of(begin, dtype), count * (r + 1) / size() - begin});
  }
  // All but my piece, then my piece to all others.
  const int64_t mine = pieces[static_cast<size_t>(rank_)].count;
  const int64_t sent = count - mine + mine * (size() - 1);
  return together(call, bytes_of(sent, dtype), [&](const Pending& pending) -> Status {
    const int64_t parts = divide_up(divide_up(count, size()), part_count(dtype));
    Pieces before;
    // What was reduced of one part is gathered while the next one is scattered.
    for (int64_t i = 0; i <= parts; ++i) {
      MpiRequests requests;
      const Pieces part = part_of(pieces, i, dtype);
      TUTTI_TRY(start_scatter(requests, in, part, dtype));
      TUTTI_TRY(start_gather(requests, out, before, dtype));
      TUTTI_TRY(poll(pending, requests));
      const Piece& own = part[static_cast<size_t>(rank_)];
      reduce_scattered(pending.call, in, own, at(out, own.offset));
      before = part;
    }
    return {};
  });
}

Status MpiCommunicator::reduce_scatter(const void* in, void* out, int64_t count, DType dtype,
                                       Reduce reduce, std::string_view name) {
  const Call call = {CallKind::kReduceScatter, dtype, count, reduce, -1, std::string(name)};
  const int64_t bytes = bytes_of(count, dtype);
  Pieces pieces;
  for (int64_t r = 0; r < size(); ++r) pieces.push_back({r * bytes, count});
  return together(call, bytes * (size() - 1), [&](const Pending& pending) -> Status {
    for (int64_t i = 0; i < divide_up(count, part_count(dtype)); ++i) {
      MpiRequests requests;
      const Pieces part = part_of(pieces, i, dtype);
      TUTTI_TRY(start_scatter(requests, in, part, dtype));
      TUTTI_TRY(poll(pending, requests));
      const Piece& own = part[static_cast<size_t>(rank_)];
      reduce_scattered(pending.call, in, own, at(out, own.offset - rank_ * bytes));
    }
    return {};
  });
}

int64_t MpiCommunicator::part_count(DType dtype) const {
  return std::max<int64_t>(1,
                           std::min(kReduceBytes, context_.message_bytes_max) / bytes_of(1, dtype));
}

MpiCommunicator::Pieces MpiCommunicator::part_of(const Pieces& pieces, int64_t index,
                                                 DType dtype) const {
  const int64_t begin = index * part_count(dtype);
  Pieces part;
  for (const Piece& piece : pieces) {
    part.push_back({piece.offset + bytes_of(begin, dtype),
                    std::clamp<int64_t>(piece.count - begin, 0, part_count(dtype))});
  }
  return part;
}

Status MpiCommunicator::start_scatter(MpiRequests& requests, const void* in, const Pieces& pieces,
                                      DType dtype) {
  const int64_t bytes = bytes_of(pieces[static_cast<size_t>(rank_)].count, dtype);
  scratch_.resize(static_cast<size_t>(size() * bytes));
  for (int r = 0; r < size(); ++r) {
    if (r == rank_ || bytes == 0) continue;
    TUTTI_TRY(
        requests.receive(comm_, scratch_.data() + r * bytes, bytes, r, MpiTag::kExchange, bytes));
  }
  for (int i = 1; i < size(); ++i) {
    const int r = (rank_ + i) % size();  // not all to the same rank at once
    const Piece& piece = pieces[static_cast<size_t>(r)];
    if (piece.count == 0) continue;
    const int64_t piece_bytes = bytes_of(piece.count, dtype);
    TUTTI_TRY(
        requests.send(comm_, at(in, piece.offset), piece_bytes, r, MpiTag::kExchange, piece_bytes));
  }
  return {};
}

// In one order on every backend, rounded once, and free to write into `in`.
void MpiCommunicator::reduce_scattered(const Call& call, const void* in, const Piece& own,
                                       void* out) {
  if (own.count == 0) return;
  const int64_t bytes = bytes_of(own.count, call.dtype);
  std::vector<const void*> operands;
  for (int r = 0; r < size(); ++r) {
    operands.push_back(r == rank_ ? at(in, own.offset) : scratch_.data() + r * bytes);
  }
  reduce_elements(call.dtype, call.reduce, operands, {&out, 1}, own.count);
}

Status MpiCommunicator::start_gather(MpiRequests& requests, void* out, const Pieces& pieces,
                                     DType dtype) {
  for (int r = 0; r < static_cast<int>(pieces.size()); ++r) {
    const Piece& piece = pieces[static_cast<size_t>(r)];
    const int64_t bytes = bytes_of(piece.count, dtype);
    if (r == rank_ || bytes == 0) continue;
    TUTTI_TRY(requests.receive(comm_, at(out, piece.offset), bytes, r, MpiTag::kExchange, bytes));
  }
  for (int i = 1; i < static_cast<int>(pieces.size()); ++i) {
    const Piece& own = pieces[static_cast<size_t>(rank_)];
    const int64_t bytes = bytes_of(own.count, dtype);
    if (bytes == 0) break;
    TUTTI_TRY(requests.send(comm_, at(out, own.offset), bytes, (rank_ + i) % size(),
                            MpiTag::kExchange, bytes));
  }
  return {};
}

Status MpiCommunicator::all_gather(const void* in, void* out, int64_t count, DType dtype,
                                   std::string_view name) {
  const Call call = {CallKind::kAllGather, dtype, count, Reduce::kNone, -1, std::string(name)};
  const MPI_Datatype type = mpi_type(dtype);
  const int64_t bytes = bytes_of(count, dtype);
  char* mine = at(out, rank_ * bytes);
  return together(call, bytes * (size() - 1), [&](const Pending& pending) -> Status {
    if (is_one_message(count * size(), dtype)) {
      return in_parts(pending, count, bytes, [&](Part part, MPI_Request* request) {
        const void* from = in == mine ? MPI_IN_PLACE : in;
        return MPI_Iallgather(from, part.count, type, out, part.count, type, comm_, request);
      });
    }
    copy(mine, in, bytes);
    for (int root = 0; root < size(); ++root) {
      TUTTI_TRY(in_parts(pending, count, bytes, [&](Part part, MPI_Request* request) {
        return MPI_Ibcast(at(out, root * bytes + part.offset), part.count, type, root, comm_,
                          request);
      }));
    }
    return {};
  });
}

Status MpiCommunicator::all_to_all(const void* in, void* out, int64_t count, DType dtype,
                                   std::string_view name) {
  const Call call = {CallKind::kAllToAll, dtype, count, Reduce::kNone, -1, std::string(name)};
  const std::vector<int64_t> counts(ranks_.size(), count);
  return together(call, bytes_of(count, dtype) * (size() - 1), [&](const Pending& pending) {
    return exchange(pending, in, counts, out, counts);
  });
}

Status MpiCommunicator::all_to_all_v(const void* in, const std::vector<int64_t>& in_counts,
                                     void* out, const std::vector<int64_t>& out_counts, DType dtype,
                                     std::string_view name) {
  const Call call = {CallKind::kAllToAllV, dtype, 0, Reduce::kNone, -1, std::string(name)};
  const int64_t sent = sum(in_counts) - in_counts[static_cast<size_t>(rank_)];
  return together(call, bytes_of(sent, dtype), [&](const Pending& pending) -> Status {
    if (context_.options.check_calls) TUTTI_TRY(compare_counts(pending, in_counts, out_counts));
    return exchange(pending, in, in_counts, out, out_counts);
  });
}

Status MpiCommunicator::compare_counts(const Pending& pending,
                                       const std::vector<int64_t>& in_counts,
                                       const std::vector<int64_t>& out_counts) {
  std::vector<int64_t> mine = in_counts;
  mine.insert(mine.end(), out_counts.begin(), out_counts.end());
  const auto row = static_cast<int>(mine.size());
  std::vector<int64_t> all(mine.size() * ranks_.size());
  MpiRequests requests;
  TUTTI_TRY(mpi_status(MPI_Iallgather(mine.data(), row, MPI_INT64_T, all.data(), row, MPI_INT64_T,
                                      comm_, requests.add()),
                       "comparing counts"));
  TUTTI_TRY(poll(pending, requests));
  for (size_t from = 0; from < ranks_.size(); ++from) {
    for (size_t to = 0; to < ranks_.size(); ++to) {
      const int64_t given = all[from * mine.size() + to];
      const int64_t expected = all[to * mine.size() + ranks_.size() + from];
      if (given == expected) continue;
      return invalid(
          "all_to_all_v of %{} (#{} of group {}): rank {} gives {} elements to rank {}, "
          "which expects {}",
          pending.call.name, pending.number, name_, ranks_[from], given, ranks_[to], expected);
    }
  }
  return {};
}

Status MpiCommunicator::exchange(const Pending& pending, const void* in,
                                 const std::vector<int64_t>& in_counts, void* out,
                                 const std::vector<int64_t>& out_counts) {
  const DType dtype = pending.call.dtype;
  const int64_t bytes_max = context_.message_bytes_max;
  MpiRequests requests;
  int64_t in_offset = 0, out_offset = 0, my_in_offset = 0, my_out_offset = 0;
  for (int r = 0; r < size(); ++r) {
    const int64_t bytes = bytes_of(out_counts[static_cast<size_t>(r)], dtype);
    if (r == rank_) {
      my_out_offset = out_offset;
    } else {
      TUTTI_TRY(
          requests.receive(comm_, at(out, out_offset), bytes, r, MpiTag::kExchange, bytes_max));
    }
    out_offset += bytes;
  }
  for (int r = 0; r < size(); ++r) {
    const int64_t bytes = bytes_of(in_counts[static_cast<size_t>(r)], dtype);
    if (r == rank_) {
      my_in_offset = in_offset;
    } else {
      TUTTI_TRY(requests.send(comm_, at(in, in_offset), bytes, r, MpiTag::kExchange, bytes_max));
    }
    in_offset += bytes;
  }
  copy(at(out, my_out_offset), at(in, my_in_offset),
       bytes_of(in_counts[static_cast<size_t>(rank_)], dtype));
  return poll(pending, requests);
}

Status MpiCommunicator::broadcast(void* data, int64_t count, DType dtype, int root,
                                  std::string_view name) {
  const Call call = {CallKind::kBroadcast, dtype, count, Reduce::kNone, root, std::string(name)};
  const int64_t bytes = bytes_of(count, dtype);
  const int64_t sent = root == rank_ ? bytes * (size() - 1) : 0;
  return together(call, sent, [&](const Pending& pending) {
    return in_parts(pending, count, bytes, [&](Part part, MPI_Request* request) {
      return MPI_Ibcast(at(data, part.offset), part.count, mpi_type(dtype), root, comm_, request);
    });
  });
}

Status MpiCommunicator::barrier(std::string_view name) {
  const Call call = {.kind = CallKind::kBarrier, .name = std::string(name)};
  return together(call, 0, [](const Pending&) { return Status(); });
}

}  // namespace tutti
