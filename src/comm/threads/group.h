// Where the members of one group of threads meet.
//
// A collective call is a round: each member writes its Post and enters; when all have entered, they
// move data, reading all posts, and leave; when all have left, posts and buffers are their owners'
// again. A message is one Channel's business. Members are counted within the group. Each member is
// one thread; what is here is safe for members to use at once.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "collective/call.h"
#include "comm/threads/channel.h"
#include "comm/threads/gate.h"

namespace tutti {

class SharedWorld;

// What a member brings to a call, in a cache line of its own.
struct alignas(64) Post {
  Call call;
  const void* in = nullptr;
  void* out = nullptr;
  const std::vector<int64_t>* in_counts = nullptr;  // kAllToAllV
  const std::vector<int64_t>* out_counts = nullptr;
  std::atomic<int64_t> round = 0;  // the last one that it has come to, from 1
};

class Group {
 public:
  Group(SharedWorld& world, std::vector<int> ranks, std::string name);

  const std::vector<int>& ranks() const { return ranks_; }
  int size() const { return static_cast<int>(ranks_.size()); }
  const std::string& name() const { return name_; }

  Post& post(int member) { return posts_[static_cast<size_t>(member)]; }
  // Blocks until all members have entered with the same call. After an error the member is not in
  // the round. `number` is the call's, for messages.
  Status enter(int member, int64_t number);
  // Blocks until all members have left.
  void leave(int member);
  Channel& channel(int from, int to);

  // For SharedWorld: at an error, and when a rank has left.
  void close();
  void nudge();

 private:
  Status check_posts(int64_t number);

  SharedWorld& world_;
  const std::vector<int> ranks_;
  const std::string name_;
  std::vector<Post> posts_;
  Gate entered_, left_;
  std::vector<std::unique_ptr<Channel>> channels_;  // [from][to]
};

}  // namespace tutti
