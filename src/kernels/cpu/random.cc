#include "kernels/cpu/random.h"

#include "kernels/cpu/loop.h"

namespace tutti::cpu::TUTTI_ISA {
namespace {

constexpr int64_t kBlock = 1024;                 // elements drawn at a time
constexpr int64_t kWords = kBlock + 8 * kLanes;  // room to start and end inside what is drawn

// The upper and lower halves of the 64-bit products of `factor` and each lane.
TUTTI_INLINE void multiply_wide(VecU a, uint32_t factor, VecU& high, VecU& low) {
  typedef uint64_t Vec64 __attribute__((vector_size(TUTTI_LANES * 4)));
  constexpr uint64_t kLow = 0xffffffffu;
  const VecU f = broadcast(factor);
  const Vec64 even = (Vec64)multiply_even(a, f);
  const Vec64 odd = (Vec64)multiply_even((VecU)((Vec64)a >> 32), f);
  high = (VecU)((even >> 32) | (odd & ~kLow));
  low = (VecU)((even & kLow) | (odd << 32));
}

constexpr int kAbreast = 2;  // independent vectors in one loop, to hide the latency of products

// Writes the four words of kAbreast * kLanes consecutive counters, in order. See base/rng.h for
// the algorithm. Counters are dealt to lanes such that the 4 x 4 transposes inside 128-bit parts
// leave the words in order.
TUTTI_INLINE void philox_vectors(RngKey key, uint64_t counter, uint32_t* words) {
  const VecI lane = iota();
  const VecU offset = (VecU)((lane & 3) * (kLanes / 4) + (lane >> 2));
  VecU c0[kAbreast], c1[kAbreast], c2[kAbreast] = {}, c3[kAbreast] = {};
  for (int u = 0; u < kAbreast; ++u) {
    const uint64_t base = counter + static_cast<uint64_t>(u * kLanes);
    const uint32_t first = static_cast<uint32_t>(base);
    c0[u] = offset + first;
    c1[u] = static_cast<uint32_t>(base >> 32) - (VecU)(c0[u] < first);  // a carry is -1 in a mask
  }
  uint32_t k0 = key.low, k1 = key.high;
  for (int round = 0; round < 10; ++round) {
    for (int u = 0; u < kAbreast; ++u) {
      VecU high0, low0, high1, low1;
      multiply_wide(c0[u], 0xD2511F53u, high0, low0);
      multiply_wide(c2[u], 0xCD9E8D57u, high1, low1);
      c0[u] = high1 ^ c1[u] ^ k0;
      c1[u] = low1;
      c2[u] = high0 ^ c3[u] ^ k1;
      c3[u] = low0;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int u = 0; u < kAbreast; ++u) {
    VecU rows[4];
    transpose_4x4(c0[u], c1[u], c2[u], c3[u], rows);
    __builtin_memcpy(words + u * 4 * kLanes, rows, sizeof rows);
  }
}

// Words of elements [first, first + count) at words + (first % 4). count <= kBlock.
TUTTI_INLINE void draw(RngKey key, uint64_t first, int64_t count, uint32_t (&words)[kWords]) {
  const int64_t end = static_cast<int64_t>(first % 4) + count;
  for (int64_t i = 0; i < end; i += kAbreast * 4 * kLanes) {
    philox_vectors(key, first / 4 + static_cast<uint64_t>(i / 4), words + i);
  }
}

void dropout_block(const float* x, int64_t count, RngKey key, uint64_t first, float p, float* y) {
  alignas(64) uint32_t words[kWords];
  draw(key, first, count, words);
  const uint32_t* word = words + first % 4;
  const VecF keep_probability = broadcast(1.0f - p);
  for_each_vector(0, count, [=](int64_t i, auto lanes) {
    VecU bits;
    __builtin_memcpy(&bits, word + i, sizeof bits);
    const VecF uniform = __builtin_convertvector((VecI)(bits >> 8), VecF) * 0x1.0p-24f;
    lanes.store(y + i, uniform >= p ? lanes.load(x + i) / keep_probability : VecF{});
  });
}

}  // namespace

void dropout(const float* x, const GlobalIndex3& index, RngKey key, float p, float* y,
             int threads) {
  // Runs of consecutive global indices: rows of the last dim, or more where it is whole.
  int64_t rows[2] = {index.local[0], index.local[1]}, run = index.local[2];
  for (int dim = 1; dim >= 0 && index.local[dim + 1] == index.size[dim + 1]; --dim) {
    run *= rows[dim];
    rows[dim] = 1;
  }
  const int64_t run_blocks = (run + kBlock - 1) / kBlock, blocks = rows[0] * rows[1] * run_blocks;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t row = block / run_blocks, in_run = block % run_blocks * kBlock;
    const int64_t i = row / rows[1] + index.offset[0], j = row % rows[1] + index.offset[1];
    const int64_t first = (i * index.size[1] + j) * index.size[2] + index.offset[2] + in_run;
    const int64_t count = run - in_run < kBlock ? run - in_run : kBlock, at = row * run + in_run;
    dropout_block(x + at, count, key, static_cast<uint64_t>(first), p, y + at);
  }
}

void fill_normal(RngKey key, int64_t first_index, int64_t count, float mean, float stddev, float* y,
                 int threads) {
  const int64_t blocks = (count + kBlock - 1) / kBlock;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t begin = block * kBlock;
    const int64_t size = count - begin < kBlock ? count - begin : kBlock;
    const uint64_t first = static_cast<uint64_t>(first_index + begin);
    alignas(64) uint32_t words[kWords];
    draw(key, first, size, words);
    // Pairs that begin with the even index at or before the first. normal_pair is scalar so that
    // every instruction set draws the same weights.
    const int64_t skip = static_cast<int64_t>(first % 2);
    const uint32_t* word = words + first % 4 - skip;
    for (int64_t i = 0; i < size + skip; i += 2) {
      const auto normals = normal_pair(word[i], word[i + 1]);
      float pair[2];
      __builtin_memcpy(pair, &normals, sizeof pair);
      if (i >= skip) y[begin + i - skip] = mean + stddev * pair[0];
      if (i + 1 < size + skip) y[begin + i + 1 - skip] = mean + stddev * pair[1];
    }
  }
}

}  // namespace tutti::cpu::TUTTI_ISA
