// Copies the part of a tensor that one shard holds into a dense buffer, with few and large reads:
// short runs that lie near each other in the file are read together.
#pragma once

#include <span>

#include "base/status.h"
#include "checkpoint/box.h"
#include "checkpoint/safetensors.h"

namespace tutti {

// `stored` holds the elements of `shard_boxes`, box after box; `out` is a dense array of `wanted`.
// Fills the elements that both hold and leaves the rest alone. Requires out of `wanted`'s size.
Status read_from_shard(SafetensorsReader& file, const SafetensorsTensor& stored,
                       std::span<const Box> shard_boxes, const Box& wanted, std::span<char> out);

}  // namespace tutti
