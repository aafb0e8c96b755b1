#include "collective/pipeline.h"

namespace tutti {

int Pipeline::position(int stage, int chunk) const {
  const bool back = order == ChunkOrder::kV && chunk % 2 == 1;
  return chunk * stages + (back ? stages - 1 - stage : stage);
}

int Pipeline::stage_of(int position) const {
  const bool back = order == ChunkOrder::kV && chunk_of(position) % 2 == 1;
  const int along = position % stages;
  return back ? stages - 1 - along : along;
}

}  // namespace tutti
