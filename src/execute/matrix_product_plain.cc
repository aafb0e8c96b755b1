#include <algorithm>

#include "execute/matrix_product.h"

namespace tutti {

void square_matrix_product(int64_t n, const float* a, const float* b, float* c, int threads) {
  // Tiles of k keep a band of b in the cache while the rows of a pass by.
  constexpr int64_t kTile = 64;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t i = 0; i < n; ++i) std::fill_n(c + i * n, n, 0.0f);
  for (int64_t k0 = 0; k0 < n; k0 += kTile) {
    const int64_t k1 = std::min(n, k0 + kTile);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t k = k0; k < k1; ++k) {
        const float a_ik = a[i * n + k];
        for (int64_t j = 0; j < n; ++j) c[i * n + j] += a_ik * b[k * n + j];
      }
    }
  }
}

std::string matrix_product_library() { return "plain loops"; }

}  // namespace tutti
