// The square FP32 matrix product by which a machine's peak is measured. One of two files implements
// it: oneDNN's, or plain loops in a build without oneDNN (whose figures are not the machine's).
#pragma once

#include <cstdint>
#include <string>

namespace tutti {

// c = a b, row-major n x n, on `threads` OpenMP threads. Requires that c overlaps neither.
void square_matrix_product(int64_t n, const float* a, const float* b, float* c, int threads);

// Who computes it, with its version: "oneDNN 2.6.3", "plain loops".
std::string matrix_product_library();

}  // namespace tutti
