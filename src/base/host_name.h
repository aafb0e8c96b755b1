// What this machine calls itself. Thread-safe.
#pragma once

#include <string>

namespace tutti {

// "localhost" when it cannot be told.
std::string host_name();

}  // namespace tutti
