#include "kernels/cpu/launch.h"

#include <array>
#include <cstring>

#include "kernels/backend.h"

namespace tutti {
namespace {

class CpuBackend : public Backend {
 public:
  CpuBackend(const cpu::Kernels& kernels, int threads) : kernels_(kernels), threads_(threads) {
    TUTTI_CHECK(threads >= 1, "threads = {}", threads);
    for (const auto& group :
         {cpu::linear_launches(), cpu::embedding_launches(), cpu::norm_launches(),
          cpu::rope_launches(), cpu::attention_launches(), cpu::elementwise_launches(),
          cpu::dropout_launches(), cpu::cross_entropy_launches(), cpu::step_launches(),
          cpu::storage_launches()}) {
      for (const cpu::Launch& launch : group) {
        const cpu::Launch*& row = rows_[static_cast<size_t>(launch.kind)];
        TUTTI_CHECK(row == nullptr, "{} has two launches", op_name(launch.kind));
        row = &launch;
      }
    }
  }

  size_t workspace_bytes(const KernelCall& call) const override {
    const cpu::Launch& launch = launch_of(call.kind);
    return launch.workspace_bytes == nullptr ? 0
                                             : launch.workspace_bytes(kernels_, with_threads(call));
  }

  void run(const KernelCall& call) const override {
    launch_of(call.kind).run(kernels_, with_threads(call));
  }

  bool runs(OpKind kind) const override { return rows_[static_cast<size_t>(kind)] != nullptr; }

  std::string_view name() const override { return kernels_.name; }

 private:
  const cpu::Launch& launch_of(OpKind kind) const {
    TUTTI_CHECK(runs(kind), "{} has no CPU kernel: it is not local", op_name(kind));
    return *rows_[static_cast<size_t>(kind)];
  }

  KernelCall with_threads(KernelCall call) const {
    if (call.threads == 0) call.threads = threads_;
    return call;
  }

  const cpu::Kernels& kernels_;
  int threads_;
  std::array<const cpu::Launch*, kOpKindCount> rows_ = {};  // by kind; null: not local
};

}  // namespace

namespace cpu {

void copy(const Operand& from, const Operand& to) {
  TUTTI_CHECK(from.count() == to.count() && from.dtype == to.dtype, "{} {} into {} {}",
              from.count(), dtype_name(from.dtype), to.count(), dtype_name(to.dtype));
  if (from.data == to.data || from.count() == 0) return;
  std::memcpy(to.data, from.data, static_cast<size_t>(from.count()) * dtype_bytes(from.dtype));
}

}  // namespace cpu

std::unique_ptr<Backend> make_cpu_backend(const cpu::Kernels& table, int threads) {
  return std::make_unique<CpuBackend>(table, threads);
}

}  // namespace tutti
