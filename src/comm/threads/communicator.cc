#include "comm/threads/communicator.h"

#include <algorithm>
#include <numeric>

#include "comm/bytes.h"
#include "comm/reduce.h"

namespace tutti {
namespace {

// Elements: pieces begin at cache lines where buffers do.
constexpr int64_t kPieceAlignment = 64;
// What is copied to several ranks stays in the second-level cache meanwhile.
constexpr int64_t kCopyBytes = 256 << 10;

int64_t sum_before(const std::vector<int64_t>& counts, int end) {
  return std::accumulate(counts.begin(), counts.begin() + end, int64_t{0});
}

}  // namespace

ThreadCommunicator::ThreadCommunicator(SharedWorld& world, Group& group, int rank)
    : group_(group),
      rank_(rank),
      recorder_(world.recorder(group.ranks()[static_cast<size_t>(rank)])) {}

int64_t ThreadCommunicator::begin(const Request& request) {
  call_.kind = request.kind;
  call_.dtype = request.dtype;
  call_.count = request.count;
  call_.reduce = request.reduce;
  call_.root = request.root;
  call_.name = request.name;
  return recorder_.begin(call_, group_.name(), ++calls_);
}

Status ThreadCommunicator::end(int64_t id, const Status& status, int64_t sent) {
  recorder_.end(id, status.ok());
  if (!status.ok()) return status;
  ++sent_.calls[static_cast<size_t>(call_.kind)];
  sent_.bytes[static_cast<size_t>(call_.kind)] += bytes_of(sent, call_.dtype);
  return status;
}

template <typename Move>
Status ThreadCommunicator::together(const Request& request, const void* in, void* out,
                                    const Move& move) {
  const int64_t id = begin(request);
  Post& mine = post(rank_);
  mine.call = call_;
  mine.in = in;
  mine.out = out;
  const Status status = group_.enter(rank_, calls_);
  if (!status.ok()) return end(id, status, 0);
  recorder_.set_running(id);
  const int64_t sent = move();
  group_.leave(rank_);
  return end(id, status, sent);
}

ThreadCommunicator::Piece ThreadCommunicator::my_piece(int64_t total) const {
  const auto begin_of = [&](int64_t rank) {
    return rank == size() ? total : total / kPieceAlignment * rank / size() * kPieceAlignment;
  };
  return {begin_of(rank_), begin_of(rank_ + 1) - begin_of(rank_)};
}

void ThreadCommunicator::reduce_inputs(const Request& request, int64_t offset, int64_t count) {
  operands_.clear();
  for (int r = 0; r < size(); ++r) {
    operands_.push_back(at(post(r).in, bytes_of(offset, request.dtype)));
  }
  if (count > 0) reduce_elements(request.dtype, request.reduce, operands_, results_, count);
}

Status ThreadCommunicator::all_reduce(const void* in, void* out, int64_t count, DType dtype,
                                      Reduce reduce, std::string_view name) {
  const Request request{CallKind::kAllReduce, count, dtype, name, reduce};
  return together(request, in, out, [&] {
    const Piece piece = my_piece(count);
    results_.clear();
    for (int r = 0; r < size(); ++r) {
      results_.push_back(at(post(r).out, bytes_of(piece.begin, dtype)));
    }
    reduce_inputs(request, piece.begin, piece.count);
    // Scattered in pieces, which are then gathered.
    return count - piece.count + (size() - 1) * piece.count;
  });
}

Status ThreadCommunicator::reduce_scatter(const void* in, void* out, int64_t count, DType dtype,
                                          Reduce reduce, std::string_view name) {
  const Request request{CallKind::kReduceScatter, count, dtype, name, reduce};
  return together(request, in, out, [&] {
    results_.assign(1, out);
    reduce_inputs(request, rank_ * count, count);
    return (size() - 1) * count;
  });
}

Status ThreadCommunicator::all_gather(const void* in, void* out, int64_t count, DType dtype,
                                      std::string_view name) {
  return together({CallKind::kAllGather, count, dtype, name}, in, out, [&] {
    const int64_t bytes = bytes_of(count, dtype);
    for (int i = 0; i < size(); ++i) {
      const int r = (rank_ + i) % size();  // not all from the same rank at once
      copy(at(out, r * bytes), post(r).in, bytes);
    }
    return (size() - 1) * count;
  });
}

Status ThreadCommunicator::all_to_all(const void* in, void* out, int64_t count, DType dtype,
                                      std::string_view name) {
  return together({CallKind::kAllToAll, count, dtype, name}, in, out, [&] {
    const int64_t bytes = bytes_of(count, dtype);
    for (int i = 0; i < size(); ++i) {
      const int r = (rank_ + i) % size();
      copy(at(out, r * bytes), at(post(r).in, rank_ * bytes), bytes);
    }
    return (size() - 1) * count;
  });
}

Status ThreadCommunicator::all_to_all_v(const void* in, const std::vector<int64_t>& in_counts,
                                        void* out, const std::vector<int64_t>& out_counts,
                                        DType dtype, std::string_view name) {
  const auto parts = static_cast<size_t>(size());
  TUTTI_CHECK(in_counts.size() == parts && out_counts.size() == parts, "{} and {} of {}",
              in_counts.size(), out_counts.size(), size());
  post(rank_).in_counts = &in_counts;
  post(rank_).out_counts = &out_counts;
  return together({CallKind::kAllToAllV, 0, dtype, name}, in, out, [&] {
    for (int r = 0; r < size(); ++r) {
      const int64_t from = sum_before(*post(r).in_counts, rank_);
      const int64_t to = sum_before(out_counts, r);
      copy(at(out, bytes_of(to, dtype)), at(post(r).in, bytes_of(from, dtype)),
           bytes_of(out_counts[static_cast<size_t>(r)], dtype));
    }
    return sum_before(in_counts, size()) - in_counts[static_cast<size_t>(rank_)];
  });
}

Status ThreadCommunicator::broadcast(void* data, int64_t count, DType dtype, int root,
                                     std::string_view name) {
  TUTTI_CHECK(root >= 0 && root < size(), "root {} of {}", root, size());
  return together({CallKind::kBroadcast, count, dtype, name, Reduce::kNone, root}, data, data, [&] {
    const int64_t total = bytes_of(count, dtype);
    const Piece piece = my_piece(total);
    for (int64_t i = 0; i < piece.count; i += kCopyBytes) {
      const int64_t bytes = std::min(kCopyBytes, piece.count - i);
      const char* from = at(post(root).in, piece.begin + i);
      for (int r = 0; r < size(); ++r) copy(at(post(r).out, piece.begin + i), from, bytes);
    }
    return rank_ == root ? (size() - 1) * count : 0;
  });
}

Status ThreadCommunicator::post_and_take(const void* out, int to, void* in, int from) {
  // A message to oneself.
  if (to == rank_ && from == rank_) {
    copy(in, out, bytes_of(call_.count, call_.dtype));
    return {};
  }
  Channel* const sending = to < 0 ? nullptr : &group_.channel(rank_, to);
  if (sending != nullptr) TUTTI_TRY(sending->post(call_, out));
  Status taken;
  if (from >= 0) {
    taken = group_.channel(from, rank_).take(call_, group_.name(), calls_, in);
  }
  // Also after an error: what was posted may still be read.
  const Status sent = sending == nullptr ? Status() : sending->await_taken(group_.name(), calls_);
  return taken.ok() ? sent : taken;
}

Status ThreadCommunicator::send(const void* data, int64_t count, DType dtype, int to,
                                std::string_view name) {
  TUTTI_CHECK(to >= 0 && to < size() && to != rank_, "rank {} sends to {} of {}", rank_, to,
              size());
  const int64_t id = begin({CallKind::kSend, count, dtype, name});
  return end(id, post_and_take(data, to, nullptr, -1), count);
}

Status ThreadCommunicator::receive(void* data, int64_t count, DType dtype, int from,
                                   std::string_view name) {
  TUTTI_CHECK(from >= 0 && from < size() && from != rank_, "rank {} receives from {} of {}", rank_,
              from, size());
  const int64_t id = begin({CallKind::kReceive, count, dtype, name});
  return end(id, post_and_take(nullptr, -1, data, from), 0);
}

Status ThreadCommunicator::send_receive(const void* out, int to, void* in, int from, int64_t count,
                                        DType dtype, std::string_view name) {
  TUTTI_CHECK(
      to >= 0 && to < size() && from >= 0 && from < size() && (to == rank_) == (from == rank_),
      "rank {} of {} sends to {} and receives from {}", rank_, size(), to, from);
  const int64_t id = begin({CallKind::kSendReceive, count, dtype, name});
  return end(id, post_and_take(out, to, in, from), count);
}

Status ThreadCommunicator::barrier(std::string_view name) {
  return together({CallKind::kBarrier, 0, DType::kF32, name}, nullptr, nullptr,
                  [] { return int64_t{0}; });
}

}  // namespace tutti
