#include <dnnl.h>
#include <omp.h>

#include "base/status.h"
#include "execute/matrix_product.h"

namespace tutti {

void square_matrix_product(int64_t n, const float* a, const float* b, float* c, int threads) {
  omp_set_num_threads(threads);
  const dnnl_status_t status = dnnl_sgemm('N', 'N', n, n, n, 1.0f, a, n, b, n, 0.0f, c, n);
  TUTTI_CHECK(status == dnnl_success, "dnnl_sgemm: n = {}, status {}", n, static_cast<int>(status));
}

std::string matrix_product_library() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

}  // namespace tutti
