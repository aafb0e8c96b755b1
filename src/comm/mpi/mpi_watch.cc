#include "comm/mpi/mpi_watch.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/digest.h"

namespace tutti {
namespace {

enum Tag { kQuestion, kAnswer, kEnd };

using Milliseconds = std::chrono::milliseconds;
constexpr Milliseconds kPoll{100};
constexpr Milliseconds kHurriedPoll{2};
// Of the ranks that run each one looks for messages several times meanwhile.
constexpr Milliseconds kAnswerTime{800};
constexpr Milliseconds kEndTime{200};

constexpr size_t kTextChars = 2000;  // with what precedes it, a message that leaves at once

struct Answer {
  int64_t question;
  bool in_call;
};

Digest digest_of_call(const Call& call, std::string_view group) {
  return digest_of(fmt::format("{} {}", group, to_string(call)));
}

template <typename T>
std::string bytes_of(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
}

}  // namespace

struct MpiWatch::Question {
  int64_t id;
  Digest call;
};

MpiWatch::MpiWatch(MPI_Comm comm, const FlightRecorder& recorder,
                   std::function<void(const std::string&)> on_end)
    : comm_(comm), recorder_(recorder), on_end_(std::move(on_end)) {
  MPI_Comm_rank(comm_, &rank_);
  MPI_Comm_size(comm_, &size_);
  thread_ = std::thread([this] { work(); });
}

MpiWatch::~MpiWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::vector<std::optional<Whereabouts>> MpiWatch::ask(const Call& call, std::string_view group) {
  std::unique_lock lock(mutex_);
  const Question question = {++last_question_, digest_of_call(call, group)};
  std::vector<std::optional<Whereabouts>>& answers = answers_[question.id];
  answers.resize(static_cast<size_t>(size_));
  for (int rank = 0; rank < size_; ++rank) send(bytes_of(question), rank, kQuestion);
  ++hurrying_;
  changed_.notify_all();
  changed_.wait_for(lock, kAnswerTime, [&] {
    return std::all_of(answers.begin(), answers.end(), [](const auto& one) { return one; });
  });
  --hurrying_;
  return answers;
}

bool MpiWatch::announce_end(const std::string& cause) {
  std::unique_lock lock(mutex_);
  if (ended_by_) return false;
  for (int rank = 0; rank < size_; ++rank) {
    if (rank != rank_) send(cause.substr(0, kTextChars), rank, kEnd);
  }
  ++hurrying_;
  changed_.notify_all();
  changed_.wait_for(lock, kEndTime, [&] { return ended_by_ && *ended_by_ < rank_; });
  --hurrying_;
  return !ended_by_ || *ended_by_ > rank_;
}

void MpiWatch::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    while (handle_message()) {
    }
    lock.lock();
    if (!stopping_) changed_.wait_for(lock, hurrying_ > 0 ? kHurriedPoll : kPoll);
  }
}

// False when there was none.
bool MpiWatch::handle_message() {
  int found = 0;
  MPI_Status envelope;
  if (MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &found, &envelope) != MPI_SUCCESS || !found) {
    return false;
  }
  int length = 0;
  MPI_Get_count(&envelope, MPI_BYTE, &length);
  std::string bytes(static_cast<size_t>(length), '\0');
  const int from = envelope.MPI_SOURCE;
  MPI_Recv(bytes.data(), length, MPI_BYTE, from, envelope.MPI_TAG, comm_, MPI_STATUS_IGNORE);
  if (envelope.MPI_TAG == kQuestion && bytes.size() == sizeof(Question)) {
    Question question;
    std::memcpy(&question, bytes.data(), sizeof(question));
    answer(question, from);
  } else if (envelope.MPI_TAG == kAnswer && bytes.size() >= sizeof(Answer)) {
    Answer head;
    std::memcpy(&head, bytes.data(), sizeof(head));
    const std::lock_guard lock(mutex_);
    answers_[head.question][static_cast<size_t>(from)] = {head.in_call, bytes.substr(sizeof(head))};
  } else if (envelope.MPI_TAG == kEnd) {
    on_end_(bytes);
    const std::lock_guard lock(mutex_);
    ended_by_ = std::min(from, ended_by_.value_or(from));
  }
  changed_.notify_all();
  return true;
}

void MpiWatch::answer(const Question& question, int from) {
  Answer head = {question.id, false};
  for (const RecordedCall& recorded : recorder_.calls()) {
    if (recorded.state != CallState::kWaiting && recorded.state != CallState::kRunning) continue;
    head.in_call |= digest_of_call(recorded.call, recorded.group) == question.call;
  }
  send(bytes_of(head) + recorder_.describe().substr(0, kTextChars), from, kAnswer);
}

// Nobody waits for the end of a message: its receiver may be stopped.
void MpiWatch::send(std::string bytes, int to, int tag) {
  const std::lock_guard lock(sending_);
  outgoing_.remove_if([](Outgoing& outgoing) {
    int done = 0;
    return MPI_Test(&outgoing.request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && done;
  });
  Outgoing& message = outgoing_.emplace_back(std::move(bytes), MPI_REQUEST_NULL);
  MPI_Isend(message.bytes.data(), static_cast<int>(message.bytes.size()), MPI_BYTE, to, tag, comm_,
            &message.request);
}

}  // namespace tutti
