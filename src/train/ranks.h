// The ranks of a run, as one of them sees them: who leads, and what all must agree on. Everything here
// is collective: every rank makes the call.
//
// Used by one thread. The world must outlive it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"

namespace tutti {

class Ranks {
 public:
  // `world` may be null: a run of one rank. `on_host` of its ranks share this machine.
  static Result<Ranks> create(World* world, int on_host);

  World* world() const { return world_; }
  int rank() const { return world_ == nullptr ? 0 : world_->rank(); }
  int size() const { return world_ == nullptr ? 1 : world_->size(); }
  int on_host() const { return on_host_; }
  // The rank that writes logs and prints.
  bool leads() const { return rank() == 0; }

  // Whether it holds on any rank.
  Result<bool> any(bool here);
  Result<int64_t> sum(int64_t here);
  Result<double> max(double here);
  // The leader's text; what others pass is ignored.
  Result<std::string> from_leader(std::string text);
  // Every rank's text, by rank, on the leader; nothing on the others.
  Result<std::vector<std::string>> to_leader(std::string text);
  Status barrier();
  // A communicator of all ranks, for one use; null for one rank.
  Result<std::unique_ptr<Communicator>> group_of_all(const std::string& name);

 private:
  World* world_ = nullptr;
  int on_host_ = 1;
  std::unique_ptr<Communicator> all_;  // null for one rank
};

}  // namespace tutti
