// dnnl_sgemm and not the matmul primitive: on AVX2 both run the same code (within 1 % of each other
// at GPT-2's sizes, 2 to 4 % in favour of dnnl_sgemm when adding to c), and dnnl_sgemm needs
// neither a cache of primitives nor compilation for each shape.
#include "kernels/cpu/sgemm_onednn.h"

#include <oneapi/dnnl/dnnl.h>

#include "base/status.h"
#include "kernels/cpu/onednn_threads.h"

namespace tutti::cpu {

void onednn_sgemm(const Matmul& p, int threads) {
  const OnednnThreads scope(threads);
  const dnnl_status_t status =
      dnnl_sgemm(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.m, p.n, p.k, 1.0f, p.a,
                 p.lda, p.b, p.ldb, p.accumulate ? 1.0f : 0.0f, p.c, p.ldc);
  TUTTI_CHECK(status == dnnl_success,
              "dnnl_sgemm m={} n={} k={} lda={} ldb={} ldc={} transpose a={} b={}: status {}", p.m,
              p.n, p.k, p.lda, p.ldb, p.ldc, p.transpose_a, p.transpose_b,
              static_cast<int>(status));
}

}  // namespace tutti::cpu
