// Numbers for people. For machines, print the plain number.
#pragma once

#include <cstdint>
#include <string>

namespace tutti {

std::string system_message(int code);     // of an errno: "No space left on device"
std::string human_bytes(uint64_t bytes);  // "512 B", "1.46 GiB"; powers of 1024
std::string human_count(double count);    // "950", "124.4M", "1.2T"; powers of 1000
std::string human_duration(
    double seconds);  // "850 us", "12.3 ms", "4.2 s", "3 min 20 s", "2 d 4 h"

}  // namespace tutti
