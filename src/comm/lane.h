// A lane: jobs in order on a thread of its own, beside the thread that submits them. Collectives
// run on lanes, so that they make progress while kernels compute.
//
// submit() and run() are called by one thread, wait() by it and by jobs of other lanes. The destructor
// finishes what was submitted. After a job failed, later jobs are not run and the first error is
// what every wait() returns.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/status.h"

namespace tutti {

class Lane {
 public:
  using Job = std::function<Status()>;
  using Ticket = int64_t;  // 1, 2, 3 ... in order of submission; 0 is done from the start

  explicit Lane(const std::string& name);  // the thread's name, for debuggers
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  Ticket submit(Job job);
  // For a caller that would wait at once: as submit() and wait(), but the caller runs the job itself
  // when the lane has nothing to do, which saves two changes of thread. wait() has the error.
  Ticket run(Job job);
  // Blocks until that job and all before it are done.
  Status wait(Ticket ticket);
  bool done(Ticket ticket) const;

  // Of the lane whose job the calling thread runs: whether a thread is in wait(). True outside of
  // jobs. Where nobody waits, a job had better leave the core to compute than be done early.
  static bool is_awaited();

 private:
  void work();
  void run_unlocked(std::unique_lock<std::mutex>& lock, Job job);

  mutable std::mutex mutex_;
  std::condition_variable submitted_;
  std::condition_variable finished_;
  std::deque<Job> queue_;
  Ticket last_submitted_ = 0;
  Ticket last_finished_ = 0;
  Status error_;
  bool stopping_ = false;
  std::atomic<int> waiting_ = 0;  // threads in wait()
  std::thread thread_;
};

}  // namespace tutti
