// Whatever the text, the schedule's parser and verifier end with a schedule or an error.
#include <string_view>

#include "schedule/schedule.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)tutti::parse_schedule_csv({reinterpret_cast<const char*>(data), size});
  return 0;
}
