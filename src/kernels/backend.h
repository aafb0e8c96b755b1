// What runs the ops of a Program on one kind of device.
//
// A backend binds every kind of op that is local to a rank; collectives and transfers are comm/'s.
// Thread-safe: it holds nothing that a call changes. Two calls may run at the same time when
// neither writes what the other reads, with a workspace each.
#pragma once

#include <memory>
#include <string_view>

#include "ops/kernel_call.h"

namespace tutti {

namespace cpu {
struct Kernels;
}

class Backend : public KernelNeeds {
 public:
  // Requires a local op (see runs), operands as the op's inference rule makes them, and a workspace
  // of workspace_bytes(call), at a multiple of 64 bytes.
  virtual void run(const KernelCall& call) const = 0;
  // Whether the op is local. Of replica_sum the local part is: the sum of replicas on this rank.
  virtual bool runs(OpKind kind) const = 0;
  virtual std::string_view name() const = 0;
};

// `table` must outlive the backend; `threads` OpenMP threads serve a call that names no number.
std::unique_ptr<Backend> make_cpu_backend(const cpu::Kernels& table, int threads);

}  // namespace tutti
