// The numbers of Megatron-LM's .idx header, for its reader and its writer.
#pragma once

#include <cstdint>
#include <string_view>

namespace tutti {

inline constexpr std::string_view kIndexMagic{"MMIDIDX\0\0", 9};
inline constexpr uint64_t kIndexVersion = 1;
inline constexpr uint64_t kIndexHeaderBytes = 34;
inline constexpr uint8_t kCodeInt32 = 4;
inline constexpr uint8_t kCodeUint16 = 8;

}  // namespace tutti
