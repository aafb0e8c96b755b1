#include "kernels/cpu/random.h"

#include "base/normal.h"
#include "kernels/cpu/loop.h"
#include "kernels/cpu/philox.h"

namespace tutti::cpu::TUTTI_ISA {
namespace {

constexpr int64_t kDrawnMax = 1024;                 // elements drawn at a time
constexpr int64_t kWords = kDrawnMax + 8 * kLanes;  // room to start and end inside what is drawn

// Writes the four words of kLanes consecutive counters, in order: counters are dealt to lanes such
// that the 4 x 4 transposes inside 128-bit parts leave the words in order.
TUTTI_INLINE void philox_vectors(RngKey key, uint64_t counter, uint32_t* words) {
  const VecI lane = iota();
  const uint32_t first = static_cast<uint32_t>(counter);
  const VecU low = (VecU)((lane & 3) * (kLanes / 4) + (lane >> 2)) + first;
  const VecU high =
      static_cast<uint32_t>(counter >> 32) - (VecU)(low < first);  // a carry is -1 in a mask
  VecU columns[4], rows[4];
  philox_lanes(key, low, high, columns);
  transpose_4x4(columns[0], columns[1], columns[2], columns[3], rows);
  __builtin_memcpy(words, rows, sizeof rows);
}

// Words of elements [first, first + count) at words + (first % 4). count <= kDrawnMax.
TUTTI_INLINE void draw(RngKey key, uint64_t first, int64_t count, uint32_t (&words)[kWords]) {
  const int64_t end = static_cast<int64_t>(first % 4) + count;
  for (int64_t i = 0; i < end; i += 4 * kLanes) {
    philox_vectors(key, first / 4 + static_cast<uint64_t>(i / 4), words + i);
  }
}

TUTTI_INLINE VecU load_words(const uint32_t* p) {
  VecU words;
  __builtin_memcpy(&words, p, sizeof words);
  return words;
}

// See base/normal.h.
struct VectorLanes {
  using Float = VecF;
  using Int = VecI;
  using Word = VecU;

  TUTTI_INLINE static VecF to_float(VecI x) { return __builtin_convertvector(x, VecF); }
  TUTTI_INLINE static VecF from_bits(VecU x) { return (VecF)x; }
  TUTTI_INLINE static VecU to_bits(VecF x) { return (VecU)x; }
  TUTTI_INLINE static VecF sqrt(VecF x) { return TUTTI_ISA::sqrt(x); }
  TUTTI_INLINE static bool any(VecI mask) { return TUTTI_ISA::any(mask); }
};

void dropout_block(const float* x, int64_t count, RngKey key, uint64_t first, float p, float* y) {
  alignas(64) uint32_t words[kWords];
  draw(key, first, count, words);
  const uint32_t* word = words + first % 4;
  const VecF keep_probability = broadcast(1.0f - p);
  for_each_vector(0, count, [=](int64_t i, auto lanes) {
    const VecF uniform = uniform_lanes(load_words(word + i));
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
  const int64_t run_blocks = (run + kDrawnMax - 1) / kDrawnMax,
                blocks = rows[0] * rows[1] * run_blocks;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t row = block / run_blocks, in_run = block % run_blocks * kDrawnMax;
    const int64_t i = row / rows[1] + index.offset[0], j = row % rows[1] + index.offset[1];
    const int64_t first = (i * index.size[1] + j) * index.size[2] + index.offset[2] + in_run;
    const int64_t count = run - in_run < kDrawnMax ? run - in_run : kDrawnMax,
                  at = row * run + in_run;
    dropout_block(x + at, count, key, static_cast<uint64_t>(first), p, y + at);
  }
}

void fill_normal(RngKey key, int64_t first_index, int64_t count, float mean, float stddev, float* y,
                 int threads) {
  const int64_t blocks = (count + kDrawnMax - 1) / kDrawnMax;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t begin = block * kDrawnMax;
    const int64_t size = count - begin < kDrawnMax ? count - begin : kDrawnMax;
    const uint64_t first = static_cast<uint64_t>(first_index + begin);
    alignas(64) uint32_t words[kWords];
    draw(key, first, size, words);
    const uint32_t* word = words + first % 4;
    float* const out = y + begin;
    for_each_vector(0, size, [=](int64_t i, auto lanes) {
      lanes.store(out + i, mean + stddev * normal_from<VectorLanes>(load_words(word + i)));
    });
  }
}

}  // namespace tutti::cpu::TUTTI_ISA
