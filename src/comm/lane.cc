#include "comm/lane.h"

#include <pthread.h>

#include <utility>

namespace tutti {
namespace {

constexpr size_t kThreadNameMax = 15;  // characters that Linux keeps

// The count of waiting threads of the lane that this thread is.
thread_local const std::atomic<int>* waiting_for_this_thread = nullptr;

}  // namespace

Lane::Lane(const std::string& name) {
  thread_ = std::thread([this, label = name.substr(0, kThreadNameMax)] {
    pthread_setname_np(pthread_self(), label.c_str());
    work();
  });
}

Lane::~Lane() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  submitted_.notify_one();
  thread_.join();
}

Lane::Ticket Lane::submit(Job job) {
  Ticket ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
    ticket = ++last_submitted_;
  }
  submitted_.notify_one();
  return ticket;
}

Lane::Ticket Lane::run(Job job) {
  std::unique_lock lock(mutex_);
  if (last_finished_ < last_submitted_) {
    lock.unlock();
    const Ticket ticket = submit(std::move(job));
    (void)wait(ticket);
    return ticket;
  }
  ++last_submitted_;
  run_unlocked(lock, std::move(job));
  return ++last_finished_;
}

Status Lane::wait(Ticket ticket) {
  std::unique_lock lock(mutex_);
  TUTTI_CHECK(ticket <= last_submitted_, "ticket {} of {}", ticket, last_submitted_);
  ++waiting_;
  finished_.wait(lock, [&] { return last_finished_ >= ticket; });
  --waiting_;
  return error_;
}

bool Lane::done(Ticket ticket) const {
  const std::lock_guard lock(mutex_);
  return last_finished_ >= ticket;
}

bool Lane::is_awaited() {
  return waiting_for_this_thread == nullptr || *waiting_for_this_thread > 0;
}

void Lane::work() {
  waiting_for_this_thread = &waiting_;
  std::unique_lock lock(mutex_);
  for (;;) {
    submitted_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    run_unlocked(lock, std::move(job));
    ++last_finished_;
    // Who waits need not wait for the mutex as well.
    lock.unlock();
    finished_.notify_all();
    lock.lock();
  }
}

void Lane::run_unlocked(std::unique_lock<std::mutex>& lock, Job job) {
  if (!error_.ok()) return;
  lock.unlock();
  Status status = job();
  job = nullptr;  // what it holds is gone before wait() returns
  lock.lock();
  if (!status.ok()) error_ = std::move(status);
}

}  // namespace tutti
