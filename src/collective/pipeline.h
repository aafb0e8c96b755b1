// How the stages of a pipeline hold the model. It is cut into positions, which a microbatch passes
// in order; each stage (a coordinate along pp) holds `chunks` of them.
#pragma once

#include <cstdint>

namespace tutti {

enum class ChunkOrder : uint8_t {
  kLoop,  // chunk 0 of all stages, then chunk 1 of all stages, from the first again
  kV,     // chunk 0 of all stages, then chunk 1 from the last stage back to the first, and so on
};

struct Pipeline {
  int stages = 1;
  int chunks = 1;
  ChunkOrder order = ChunkOrder::kLoop;

  int positions() const { return stages * chunks; }
  int position(int stage, int chunk) const;
  int stage_of(int position) const;
  int chunk_of(int position) const { return position / stages; }
};

}  // namespace tutti
