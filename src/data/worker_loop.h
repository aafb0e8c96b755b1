// Runs independent pieces of work on a few threads that live for the call.
#pragma once

#include <cstddef>
#include <functional>

namespace tutti {

// Calls work(worker, index) once for each index in [0, count), on at most `threads` threads; calls
// of one `worker` never overlap. Returns when all are done. `work` must not throw.
void run_workers(size_t count, int threads, const std::function<void(int, size_t)>& work);

// Threads to use when the user names none: those of the machine.
int default_threads();

}  // namespace tutti
