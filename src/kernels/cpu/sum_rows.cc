#include "kernels/cpu/loop.h"
#include "kernels/cpu/norm.h"

namespace tutti::cpu::TUTTI_ISA {

void sum_rows(const float* dy_nd, int64_t n, int64_t d, float* db_d, bool accumulate, int threads) {
  column_sums<1>(n, d, {db_d}, accumulate, threads,
                 [=](int64_t row, int64_t j, auto lanes, VecF* sums) {
                   sums[0] += lanes.load(dy_nd + row * d + j);
                 });
}

}  // namespace tutti::cpu::TUTTI_ISA
