// How a prompt is cut into pieces of the sizes that programs were compiled for. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tutti {

// The index of the size to read the next piece of `tokens` tokens with, where `room` positions are
// left in the cache: larger than the piece when padding it costs less than a further call. Requires
// rising sizes of which the first is 1, and 1 <= tokens <= room.
size_t choose_piece(std::span<const int64_t> sizes, int64_t tokens, int64_t room);

}  // namespace tutti
