// CRC32C (Castagnoli polynomial 0x1EDC6F41, reflected), as TensorBoard's record files use it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tutti {

// The checksum of `data` appended to bytes whose checksum is `seed` (0 for none).
uint32_t crc32c(const void* data, size_t bytes, uint32_t seed = 0);

// TensorBoard's and LevelDB's masking of a stored checksum.
inline uint32_t masked_crc32c(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

}  // namespace tutti
