// How many threads oneDNN uses: internal to the files that call it.
#pragma once

#include <omp.h>

namespace tutti::cpu {

// oneDNN takes its thread count from the calling thread's OpenMP setting, which is restored.
class OnednnThreads {
 public:
  explicit OnednnThreads(int threads) : before_(omp_get_max_threads()) {
    omp_set_num_threads(threads);
  }
  ~OnednnThreads() { omp_set_num_threads(before_); }
  OnednnThreads(const OnednnThreads&) = delete;
  OnednnThreads& operator=(const OnednnThreads&) = delete;

 private:
  int before_;
};

}  // namespace tutti::cpu
